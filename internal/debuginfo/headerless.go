package debuginfo

import (
	stdelf "debug/elf"
	"encoding/binary"
)

// synthesize makes section headers for an object that has none (packers and some strippers drop them), from what the
// dynamic linker and the unwinder find by segments: .dynsym, .dynstr and .eh_frame.
func (f *elfFile) synthesize() {
	add := func(name string, typ stdelf.SectionType, addr, size uint64, link uint32) {
		off, limit, ok := f.fileOffset(addr)
		if !ok {
			return
		}
		f.sections = append(f.sections, section{name: name, typ: uint32(typ), flags: uint64(stdelf.SHF_ALLOC), addr: addr, off: off,
			size: min(size, limit), link: link})
	}
	for i := range f.segs {
		switch stdelf.ProgType(f.segs[i].typ) {
		case stdelf.PT_DYNAMIC:
			b, err := f.segmentData(&f.segs[i])
			if err != nil {
				continue
			}
			var symtab, strtab, strsz, hash, gnuHash uint64
			for ; len(b) >= 16; b = b[16:] {
				v := binary.LittleEndian.Uint64(b[8:])
				switch stdelf.DynTag(binary.LittleEndian.Uint64(b)) {
				case stdelf.DT_SYMTAB:
					symtab = v
				case stdelf.DT_STRTAB:
					strtab = v
				case stdelf.DT_STRSZ:
					strsz = v
				case stdelf.DT_HASH:
					hash = v
				case stdelf.DT_GNU_HASH:
					gnuHash = v
				}
			}
			if n := f.countSymbols(hash, gnuHash); n > 0 && strtab != 0 {
				add(".dynstr", stdelf.SHT_STRTAB, strtab, strsz, 0)
				add(".dynsym", stdelf.SHT_DYNSYM, symtab, n*symSize, uint32(max(len(f.sections)-1, 0)))
			}
		case stdelf.ProgType(0x6474e550): // PT_GNU_EH_FRAME
			// Version 1, encodings of pointer, count and table, then the pointer: relative to itself, 4 bytes, in practice.
			const pcRelS4 = 0x1b
			h, err := f.fileRange(f.segs[i].vaddr, 8)
			if err != nil || h[0] != 1 || h[1] != pcRelS4 {
				continue
			}
			addr := f.segs[i].vaddr + 4 + uint64(int64(int32(binary.LittleEndian.Uint32(h[4:]))))
			add(".eh_frame", stdelf.SHT_PROGBITS, addr, maxPlain, 0) // up to the end of the segment
		}
	}
}

// fileOffset is where a link-time address is in the file and how many bytes of its segment follow.
func (f *elfFile) fileOffset(addr uint64) (off, limit uint64, ok bool) {
	for _, s := range f.segs {
		if s.typ == uint32(stdelf.PT_LOAD) && addr >= s.vaddr && addr-s.vaddr < s.filesz {
			return s.off + (addr - s.vaddr), s.filesz - (addr - s.vaddr), true
		}
	}
	return 0, 0, false
}

// maxDynamic bounds the walk over a damaged hash table.
const maxDynamic = 1 << 24

// countSymbols is the number of dynamic symbols, which only the hash tables tell.
func (f *elfFile) countSymbols(hash, gnuHash uint64) uint64 {
	le := binary.LittleEndian
	if b, err := f.fileRange(hash, 8); hash != 0 && err == nil {
		return uint64(le.Uint32(b[4:])) // as many chains as symbols
	}
	h, err := f.fileRange(gnuHash, 16)
	if gnuHash == 0 || err != nil {
		return 0
	}
	buckets, first, bloom := uint64(le.Uint32(h)), uint64(le.Uint32(h[4:])), uint64(le.Uint32(h[8:]))
	at := gnuHash + 16 + bloom*8
	b, err := f.fileRange(at, buckets*4)
	if err != nil {
		return 0
	}
	last := uint64(0)
	for ; len(b) >= 4; b = b[4:] {
		last = max(last, uint64(le.Uint32(b)))
	}
	if last < first {
		return first
	}
	// The chain of the last bucket ends with a hash whose lowest bit is set.
	chain := at + buckets*4
	for ; last < maxDynamic; last++ {
		w, err := f.fileRange(chain+(last-first)*4, 4)
		if err != nil {
			return 0
		}
		if w[0]&1 != 0 {
			return last + 1
		}
	}
	return 0
}
