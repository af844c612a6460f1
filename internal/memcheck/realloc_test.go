package memcheck

import "testing"

func TestReallocZero(t *testing.T) {
	m, h, th := start(t)
	b := h.alloc(m, th, heapBase+0x1000, 10)
	m.ReallocZero(th, b)
	h.expect("")
	m.opts.showRealloc0 = true
	m.ReallocZero(th, b)
	h.expect("realloc() with size 0\n" + undefinedHere + " Address 0x100000001000 is 0 bytes inside a block of size 10 alloc'd\n" + undefinedAlloc + "\n")
}
