package unwind

import (
	"testing"
	"unsafe"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
)

// ownStack stands for a guest's stack: memory that is read directly, with frame records in it.
var ownStack [16]uint64

func TestDirectRead(t *testing.T) {
	base := uint64(uintptr(unsafe.Pointer(&ownStack)))
	ownStack[2], ownStack[3] = base+8*10, 0x1111
	ownStack[10], ownStack[11] = base+8*15, 0x2222 // the next record would cross the end
	r := guest.Range{Start: guest.Addr(base), End: guest.Addr(base + 8*16)}
	u := New(&Config{Space: debuginfo.NewSpace(debuginfo.Options{}), Mem: words{}})
	u.Stack = r
	regs := guest.Regs{RIP: 0x7000}
	regs.GPR[guest.RSP], regs.GPR[guest.RBP] = base, base+16
	var pcs [8]guest.Addr
	if n := u.Unwind(&regs, pcs[:]); n != 3 || pcs[1] != 0x1111 || pcs[2] != 0x2222 {
		t.Errorf("got %v", pcs[:n])
	}
}
