package sched

import (
	"sync/atomic"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

// planeChunk is how much of a return plane becomes accessible at a fault: a stack's worth of calls.
const planeChunk = 64 << 10

// plane is the address of the return plane entry for guest stack address a.
func (t *Thread) plane(a guest.Addr) uintptr {
	return t.ctx.Addr() + guest.ReturnPlane + uintptr(a)
}

// planeFault handles a fault at addr inside t's return plane. If the guest has memory at the stack address that addr stands for,
// the plane gets memory there too and ok is true; else a is the guest address.
func (t *Thread) planeFault(addr uint64) (a guest.Addr, ok bool) {
	base := uint64(t.plane(0))
	if addr < base || addr-base >= uint64(guest.MaxAddr) {
		return 0, false
	}
	a = guest.Addr(addr - base)
	m, found := t.s.cfg.Space.Find(a)
	if !found || m.Prot&guest.Read == 0 {
		return a, false
	}
	lo := addr &^ (planeChunk - 1)
	if !makeAccessible(lo, planeChunk) {
		return 0, false
	}
	t.s.mu.Lock()
	t.s.planes = append(t.s.planes, uintptr(lo))
	t.s.mu.Unlock()
	return a, true
}

// makeAccessible gives reserved pages around [addr, addr+n) memory, zero until written.
func makeAccessible(addr uint64, n uint64) bool {
	lo := addr &^ (guest.PageSize - 1)
	hi := (addr + n + guest.PageSize - 1) &^ (guest.PageSize - 1)
	_, _, e := unix.RawSyscall(unix.SYS_MPROTECT, uintptr(lo), uintptr(hi-lo), unix.PROT_READ|unix.PROT_WRITE)
	return e == 0
}

// noAccessShadow maps the page of shadow memory at addr, saying that nothing there may be accessed (package shadow).
func noAccessShadow(addr uint64) bool {
	page := addr &^ (guest.PageSize - 1)
	if !makeAccessible(page, 1) {
		return false
	}
	b := guest.Bytes(guest.Addr(page), guest.PageSize)
	for i := range b {
		b[i] = 0x80
	}
	return true
}

// setPlane stores the host address for returns from stack slot a.
func (t *Thread) setPlane(a guest.Addr, host uint64) {
	p := t.plane(a)
	atomic.StoreUint64((*uint64)(guest.Pointer(p)), host)
}

// clearPlanes forgets all host addresses in return planes: the code they point to is going to be overwritten.
func (s *Scheduler) clearPlanes() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.planes {
		unix.RawSyscall(unix.SYS_MADVISE, p, planeChunk, unix.MADV_DONTNEED)
	}
}
