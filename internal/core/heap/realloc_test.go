package heap

import (
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// TestReallocKeeps: with another policy than glibc's, realloc to size 0 gives a block of no bytes.
func TestReallocKeeps(t *testing.T) {
	l := layout()
	l.ReallocKeeps = true
	a, _, _ := newTest(t, l)
	th := &thread{}
	p := a.Malloc(th, 10, 0, tool.KindMalloc, false)
	th.regs.GPR[guest.RDI], th.regs.GPR[guest.RSI] = uint64(p), 0
	for _, h := range a.Hooks("") {
		if h.Symbol != "realloc" {
			continue
		}
		var args Args
		q := guest.Addr(h.Do(th, &args))
		if b, ok := a.At(q); !ok || b.Freed || b.Size != 0 || q == p || args.Errno != 0 {
			t.Errorf("block %+v, %v, errno %d", b, ok, args.Errno)
		}
	}
	if b, ok := a.At(p); !ok || !b.Freed {
		t.Errorf("the old block: %+v, %v", b, ok)
	}
}
