package dwarf

import (
	"encoding/binary"
	"errors"
)

// forms, from the DWARF standard and the GNU extensions for split and supplementary files
const (
	formAddr         = 0x01
	formBlock2       = 0x03
	formBlock4       = 0x04
	formData2        = 0x05
	formData4        = 0x06
	formData8        = 0x07
	formString       = 0x08
	formBlock        = 0x09
	formBlock1       = 0x0a
	formData1        = 0x0b
	formFlag         = 0x0c
	formSdata        = 0x0d
	formStrp         = 0x0e
	formUdata        = 0x0f
	formRefAddr      = 0x10
	formRef1         = 0x11
	formRef2         = 0x12
	formRef4         = 0x13
	formRef8         = 0x14
	formRefUdata     = 0x15
	formIndirect     = 0x16
	formSecOffset    = 0x17
	formExprloc      = 0x18
	formFlagPresent  = 0x19
	formStrx         = 0x1a
	formAddrx        = 0x1b
	formRefSup4      = 0x1c
	formStrpSup      = 0x1d
	formData16       = 0x1e
	formLineStrp     = 0x1f
	formRefSig8      = 0x20
	formImplicit     = 0x21
	formLoclistx     = 0x22
	formRnglistx     = 0x23
	formRefSup8      = 0x24
	formStrx1        = 0x25
	formStrx2        = 0x26
	formStrx3        = 0x27
	formStrx4        = 0x28
	formAddrx1       = 0x29
	formAddrx2       = 0x2a
	formAddrx3       = 0x2b
	formAddrx4       = 0x2c
	formGNUAddrIndex = 0x1f01
	formGNUStrIndex  = 0x1f02
	formGNURefAlt    = 0x1f20
	formGNUStrpAlt   = 0x1f21
)

// tags
const (
	tagCompileUnit  = 0x11
	tagInlined      = 0x1d
	tagSubprogram   = 0x2e
	tagPartialUnit  = 0x3c
	tagSkeletonUnit = 0x4a
)

// attributes
const (
	atSibling        = 0x01
	atName           = 0x03
	atStmtList       = 0x10
	atLowPC          = 0x11
	atHighPC         = 0x12
	atCompDir        = 0x1b
	atInline         = 0x20
	atAbstractOrigin = 0x31
	atDeclaration    = 0x3c
	atSpecification  = 0x47
	atRanges         = 0x55
	atCallFile       = 0x58
	atCallLine       = 0x59
	atLinkageName    = 0x6e
	atStrOffsetsBase = 0x72
	atAddrBase       = 0x73
	atRnglistsBase   = 0x74
	atDwoName        = 0x76
	atMIPSLinkage    = 0x2007
	atGNUDwoName     = 0x2130
	atGNUDwoID       = 0x2131
	atGNURangesBase  = 0x2132
	atGNUAddrBase    = 0x2133
)

// value is an attribute's value as it stands in the file: numbers, offsets and indexes in u, inline strings and blocks in b.
type value struct {
	form uint16
	u    uint64
	b    []byte
}

// field is one attribute of an abbreviation.
type field struct {
	attr, form uint16
	implicit   int64
}

type abbrev struct {
	tag      uint16
	children bool
	fields   []field
}

// abbrevTable maps codes to abbreviations; codes count up from 1 in practice.
type abbrevTable struct {
	dense  []abbrev // from code 1 on
	sparse map[uint64]*abbrev
}

func (t *abbrevTable) get(code uint64) *abbrev {
	if i := code - 1; i < uint64(len(t.dense)) {
		return &t.dense[i]
	}
	return t.sparse[code]
}

// parseAbbrev reads one declaration, with the fields appended to slab; code 0 ends a table.
func parseAbbrev(c *Cursor, slab []field) (code uint64, a abbrev, _ []field) {
	if code = c.Uleb(); code == 0 {
		return 0, a, slab
	}
	a = abbrev{tag: uint16(c.Uleb()), children: c.U8() != 0}
	first := len(slab)
	for !c.Bad() {
		at, form := c.Uleb(), c.Uleb()
		if at == 0 && form == 0 {
			break
		}
		f := field{attr: uint16(at), form: uint16(form)}
		if form == formImplicit {
			f.implicit = c.Sleb()
		}
		slab = append(slab, f)
	}
	a.fields = slab[first:len(slab):len(slab)]
	return code, a, slab
}

// abbrevTable reads the table at off.
func (d *Data) abbrevTable(off uint64) *abbrevTable {
	if t := d.abbrevs[off]; t != nil {
		return t
	}
	var t *abbrevTable
	d.reading(".debug_abbrev", off, func(c Cursor) bool {
		t = &abbrevTable{sparse: make(map[uint64]*abbrev)}
		var fields []field
		for {
			var code uint64
			var a abbrev
			code, a, fields = parseAbbrev(&c, fields)
			switch {
			case c.Bad():
				return false
			case code == 0:
				return true
			case code == uint64(len(t.dense))+1:
				t.dense = append(t.dense, a)
			default:
				t.sparse[code] = &a
			}
		}
	})
	d.abbrevs[off] = t
	return t
}

// oneAbbrev finds a declaration without keeping the table: for the root entries of many units.
func (d *Data) oneAbbrev(off, want uint64) (found *abbrev) {
	if t := d.abbrevs[off]; t != nil {
		return t.get(want)
	}
	d.reading(".debug_abbrev", off, func(c Cursor) bool {
		var fields []field
		for {
			code, a, more := parseAbbrev(&c, fields[:0])
			fields = more
			switch {
			case c.Bad():
				return false
			case code == want && code != 0:
				found = &a
				return true
			case code == 0:
				return true
			}
		}
	})
	return found
}

var errForm = errors.New("unknown attribute form")

// value reads an attribute.
func (u *unit) value(c *Cursor, f field) (v value, err error) {
	form := f.form
	if form == formIndirect {
		form = uint16(c.Uleb())
		if form == formImplicit || form == formIndirect {
			return v, errForm
		}
	}
	v.form = form
	switch form {
	case formAddr:
		v.u = c.Uint(int(u.addrSize))
	case formData1, formRef1, formFlag, formStrx1, formAddrx1:
		v.u = uint64(c.U8())
	case formData2, formRef2, formStrx2, formAddrx2:
		v.u = uint64(c.U16())
	case formStrx3, formAddrx3:
		v.u = uint64(c.U24())
	case formData4, formRef4, formRefSup4, formStrx4, formAddrx4:
		v.u = uint64(c.U32())
	case formData8, formRef8, formRefSup8, formRefSig8:
		v.u = c.U64()
	case formData16:
		v.b = c.Bytes(16)
	case formString:
		v.b = c.CStr()
	case formSdata:
		v.u = uint64(c.Sleb())
	case formUdata, formRefUdata, formStrx, formAddrx, formLoclistx, formRnglistx, formGNUAddrIndex, formGNUStrIndex:
		v.u = c.Uleb()
	case formStrp, formLineStrp, formSecOffset, formStrpSup, formGNURefAlt, formGNUStrpAlt:
		v.u = c.Offset(u.dwarf64)
	case formRefAddr:
		if u.version == 2 { // an address there, an offset since
			v.u = c.Uint(int(u.addrSize))
		} else {
			v.u = c.Offset(u.dwarf64)
		}
	case formBlock1:
		v.b = c.Bytes(uint64(c.U8()))
	case formBlock2:
		v.b = c.Bytes(uint64(c.U16()))
	case formBlock4:
		v.b = c.Bytes(uint64(c.U32()))
	case formBlock, formExprloc:
		v.b = c.Bytes(c.Uleb())
	case formFlagPresent:
		v.u = 1
	case formImplicit:
		v.u = uint64(f.implicit)
	default:
		return v, errForm
	}
	return v, nil
}

// skip passes over an attribute.
func (u *unit) skip(c *Cursor, f field) error {
	switch f.form {
	case formFlagPresent, formImplicit:
	case formData1, formRef1, formFlag, formStrx1, formAddrx1:
		c.Skip(1)
	case formData2, formRef2, formStrx2, formAddrx2:
		c.Skip(2)
	case formData4, formRef4:
		c.Skip(4)
	case formStrp, formLineStrp, formSecOffset:
		c.Offset(u.dwarf64)
	default:
		_, err := u.value(c, f)
		return err
	}
	return nil
}

// str resolves a string attribute; "" when it is none or lies outside.
func (u *unit) str(v value) string {
	switch v.form {
	case formString:
		return string(v.b)
	case formStrp:
		return u.data.cstrAt(".debug_str", v.u)
	case formLineStrp:
		return u.data.cstrAt(".debug_line_str", v.u)
	case formStrpSup, formGNUStrpAlt:
		if a := u.data.supplement(); a != nil {
			return a.cstrAt(".debug_str", v.u)
		}
	case formStrx, formStrx1, formStrx2, formStrx3, formStrx4, formGNUStrIndex:
		base := uint64(0)
		if u.root != nil {
			base = u.root.strBase
		}
		tab := u.data.section(".debug_str_offsets")
		size := uint64(4)
		if u.dwarf64 {
			size = 8
		}
		if v.u > uint64(len(tab)) {
			return ""
		}
		c := NewCursor(tab, base+v.u*size)
		if off := c.Offset(u.dwarf64); !c.Bad() {
			return u.data.cstrAt(".debug_str", off)
		}
	}
	return ""
}

// cstrAt is the string at off of a section, "" when there is none.
func (d *Data) cstrAt(section string, off uint64) (s string) {
	d.reading(section, off, func(c Cursor) bool {
		s = string(c.CStr())
		return !c.Bad()
	})
	return s
}

// addr resolves an address attribute.
func (u *unit) addr(v value) (a uint64, ok bool) {
	switch v.form {
	case formAddr:
		return v.u, true
	case formAddrx, formAddrx1, formAddrx2, formAddrx3, formAddrx4, formGNUAddrIndex:
		return u.indexedAddr(v.u)
	}
	return 0, false
}

// indexedAddr is an entry of .debug_addr, which stays in the main file for split units.
func (u *unit) indexedAddr(i uint64) (a uint64, ok bool) {
	w := u
	if u.skeleton != nil {
		w = u.skeleton
	}
	if w.root == nil {
		return 0, false
	}
	b := w.data.section(".debug_addr")
	if i > uint64(len(b)) {
		return 0, false
	}
	off := w.root.addrBase + i*uint64(u.addrSize)
	if u.addrSize == 8 {
		if off > uint64(len(b)) || uint64(len(b))-off < 8 {
			return 0, false
		}
		return binary.LittleEndian.Uint64(b[off:]), true
	}
	c := NewCursor(b, off)
	a = c.Uint(int(u.addrSize))
	return a, !c.Bad()
}

// ref resolves a reference to an entry: its unit and offset in .debug_info of that unit's file.
func (u *unit) ref(v value) (w *unit, off uint64) {
	switch v.form {
	case formRef1, formRef2, formRef4, formRef8, formRefUdata:
		off = u.off + v.u
		if off < u.die || off >= u.end {
			return nil, 0
		}
		return u, off
	case formRefAddr:
		return u.data.unitAt(v.u), v.u
	case formGNURefAlt, formRefSup4, formRefSup8:
		if a := u.data.supplement(); a != nil {
			return a.unitAt(v.u), v.u
		}
	}
	return nil, 0
}
