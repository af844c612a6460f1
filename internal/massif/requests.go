package massif

import (
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// Client requests about blocks of the guest's own allocators; the numbers are part of valgrind.h.
const (
	reqMallocLike    = 0x1301
	reqFreeLike      = 0x1302
	reqPoolCreate    = 0x1303
	reqPoolDestroy   = 0x1304
	reqPoolAlloc     = 0x1305
	reqPoolFree      = 0x1306
	reqPoolTrim      = 0x1307
	reqPoolMove      = 0x1308
	reqPoolChange    = 0x1309
	reqPoolExists    = 0x130a
	reqResizeInPlace = 0x130b
)

// Request implements tool.Requester.
func (m *Massif) Request(t tool.Thread, code uint32, args [5]uint64) (result uint64, handled bool) {
	a := guest.Addr(args[0])
	switch code {
	case reqMallocLike:
		m.described(t, a, args[1])
	case reqFreeLike:
		m.mu.Lock()
		m.forget(a)
		m.mu.Unlock()
	case reqResizeInPlace:
		m.resizeInPlace(t, a, args[2])
	default:
		return m.poolRequest(t, code, args)
	}
	return 0, true
}

// resizeInPlace gives the block at a a new size. It is put down to the place of the request.
func (m *Massif) resizeInPlace(t tool.Thread, a guest.Addr, size uint64) {
	m.mu.Lock()
	_, ok := m.custom[a]
	m.forget(a)
	m.mu.Unlock()
	if ok {
		m.described(t, a, size)
	}
}
