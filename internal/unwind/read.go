package unwind

import (
	"encoding/binary"

	"gogrind/internal/guest"
)

// readPage reads eight bytes through the cache of pages, which lives as long as one Unwind.
func (u *Unwinder) readPage(a uint64) (v uint64, ok bool) {
	off := a & (guest.PageSize - 1)
	if off > guest.PageSize-8 {
		var b [8]byte
		if u.cfg.Mem.ReadMem(b[:], guest.Addr(a)) < 8 {
			return 0, false
		}
		return binary.LittleEndian.Uint64(b[:]), true
	}
	base := guest.Addr(a).PageDown()
	p := &u.pages[uint64(base)/guest.PageSize%pageSlots]
	if p.addr != base || base == 0 {
		if p.b == nil {
			p.b = make([]byte, guest.PageSize)
		}
		p.n = u.cfg.Mem.ReadMem(p.b, base)
		p.addr = base
	}
	if int(off)+8 > p.n {
		return 0, false
	}
	return binary.LittleEndian.Uint64(p.b[off:]), true
}
