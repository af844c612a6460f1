package heap

import (
	"slices"
	"strings"
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

// TestInPlace: where the layout allows it, a large block grows into what is free behind it, and moves when that is not.
func TestInPlace(t *testing.T) {
	l := layout()
	l.InPlace, l.Quarantine = true, 0
	a, rec, _ := newTest(t, l)
	th := &thread{}
	const first = 100 << 10
	p := a.Malloc(th, first, 0, tool.KindMalloc, false)
	want := make([]byte, first)
	for i := range want {
		want[i] = byte(i * 7)
	}
	a.cfg.Memory.WriteMem(want, p)
	check := func(q guest.Addr, size uint64) {
		t.Helper()
		got := make([]byte, min(size, first))
		a.cfg.Memory.ReadMem(got, q)
		b, ok := a.At(q)
		if !ok || b.Size != size || b.Freed || !slices.Equal(got, want[:len(got)]) {
			t.Errorf("block %+v of %d bytes, %v, contents equal %v", b, size, ok, slices.Equal(got, want[:len(got)]))
		}
		if n, found := a.Near(q + guest.Addr(size) - 1); !found || n.Addr != q {
			t.Errorf("the last byte is in %+v, %v", n, found)
		}
		if st := a.Stats(); st.LiveBytes != liveBytes(a) || st.LiveBlocks != st.Allocs-st.Frees {
			t.Errorf("stats %+v, live %d bytes", st, liveBytes(a))
		}
	}
	size := uint64(first)
	for range 40 {
		size += 3000
		if q := a.Realloc(th, "realloc", p, size); q != p {
			t.Fatalf("%d bytes: moved", size)
		}
		check(p, size)
	}
	told := 0
	for _, l := range rec.log {
		if strings.HasPrefix(l, "resize ") {
			told++
		}
	}
	if told != 40 {
		t.Errorf("the tool was told %d times", told)
	}
	behind := a.Malloc(th, 40<<10, 0, tool.KindMalloc, false)
	if size = 4 * size; a.Realloc(th, "realloc", p, size) == p {
		t.Fatal("grew over the block behind")
	}
	var q guest.Addr
	a.Live(func(b tool.HeapBlock) bool {
		if b.Addr != behind {
			q = b.Addr
		}
		return true
	})
	check(q, size)
	a.Free(th, "free", behind, tool.KindMalloc)
	// Little is left of it: it goes to a smaller place.
	r := a.Realloc(th, "realloc", q, 40<<10)
	if r == q {
		t.Error("stays in a place that is too large")
	}
	check(r, 40<<10)
	a.Free(th, "free", r, tool.KindMalloc)
	if st := a.Stats(); st.LiveBlocks != 0 || st.LiveBytes != 0 {
		t.Errorf("stats %+v", st)
	}
}

// liveBytes is the sum of the live blocks.
func liveBytes(a *Allocator) (n uint64) {
	a.Live(func(b tool.HeapBlock) bool {
		n += b.Size
		return true
	})
	return n
}
