package dwarf

// section identifiers in the index of a package file: the GNU form of DWARF 4 (index version 2) and DWARF 5
var (
	sectionsV2 = map[uint32]string{1: ".debug_info", 2: ".debug_types", 3: ".debug_abbrev", 4: ".debug_line", 5: ".debug_loc",
		6: ".debug_str_offsets", 7: ".debug_macinfo", 8: ".debug_macro"}
	sectionsV5 = map[uint32]string{1: ".debug_info", 3: ".debug_abbrev", 4: ".debug_line", 5: ".debug_loclists",
		6: ".debug_str_offsets", 7: ".debug_macro", 8: ".debug_rnglists"}
)

// Package is the part of a package file (.dwp) that belongs to the split unit id, nil when it is not in there.
func (d *Data) Package(id uint64) *Data {
	b := d.section(".debug_cu_index")
	c := NewCursor(b, 0)
	version := c.U32()
	names := sectionsV2
	if version&0xffff == 5 { // 2 bytes and 2 bytes of padding there
		names = sectionsV5
	}
	columns, units, slots := uint64(c.U32()), uint64(c.U32()), uint64(c.U32())
	if c.Bad() || columns == 0 || slots*12 > uint64(c.Len()) || columns*units*8 > uint64(c.Len()) {
		if len(b) > 0 {
			d.warnf(".debug_cu_index is damaged")
		}
		return nil
	}
	hashes := c.Pos()
	indexes := hashes + slots*8
	// The table is a hash table; looking at all slots in turn costs little and trusts nothing.
	row := uint64(0)
	for i := uint64(0); i < slots; i++ {
		h := NewCursor(b, hashes+i*8)
		x := NewCursor(b, indexes+i*4)
		if n := uint64(x.U32()); h.U64() == id && n != 0 {
			row = n
			break
		}
	}
	if row == 0 || row > units {
		return nil
	}
	ids := NewCursor(b, indexes+slots*4)
	offs := NewCursor(b, indexes+slots*4+columns*4*row)
	sizes := NewCursor(b, indexes+slots*4+columns*4*(units+row))
	parts := make(map[string][]byte)
	for i := uint64(0); i < columns; i++ {
		name, off, size := names[ids.U32()], uint64(offs.U32()), uint64(sizes.U32())
		all := d.section(name)
		if name == "" || off+size > uint64(len(all)) {
			continue
		}
		parts[name] = all[off : off+size]
	}
	if ids.Bad() || offs.Bad() || sizes.Bad() {
		d.warnf(".debug_cu_index is damaged")
		return nil
	}
	return New(Source{Warn: d.src.Warn, Section: func(name string) (Contents, error) {
		if p, ok := parts[name]; ok {
			return Bytes(p), nil
		}
		return Bytes(d.section(name)), nil // shared by all units: strings
	}})
}
