package heap

import (
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// TestKept: a block that grows by reallocations takes the places of those before, whose pages stay.
func TestKept(t *testing.T) {
	l := layout()
	l.Quarantine = 0
	a, _, _ := newTest(t, l)
	var discarded []guest.Range
	a.pages.discard = func(r guest.Range) error {
		discarded = append(discarded, r)
		return discard(r)
	}
	th := &thread{}
	const first, last = 1 << 20, 1<<20 + 1<<17
	p := a.Malloc(th, first, 0, tool.KindMalloc, false)
	places := map[guest.Addr]bool{p: true}
	for n := uint64(first); n < last; n += guest.PageSize {
		p = a.Realloc(th, "realloc", p, n)
		places[p] = true
	}
	if len(discarded) > 0 || len(places) > 3 {
		t.Errorf("%d places, gone back: %v", len(places), discarded)
	}

	// Of what is freed at last, keepBytes stay.
	var blocks []guest.Addr
	for range 8 {
		b := a.Malloc(th, first, 0, tool.KindMalloc, false)
		a.fill(guest.Range{Start: b, End: b + first}, 0xa5)
		blocks = append(blocks, b)
	}
	for _, b := range blocks {
		a.Free(th, "free", b, tool.KindMalloc)
	}
	var kept uint64
	for i, k := range a.pages.kept {
		kept += k.Len()
		for _, o := range a.pages.kept[:i] {
			if k.Overlaps(o) {
				t.Errorf("kept twice: %v and %v", k, o)
			}
		}
	}
	if kept > keepBytes || kept < keepBytes/2 || len(discarded) == 0 {
		t.Errorf("%d bytes are kept, %d times memory went back", kept, len(discarded))
	}
	// What is kept is not zero, and calloc's is.
	var buf [first]byte
	for range 3 {
		b := a.Malloc(th, first, 0, tool.KindMalloc, true)
		if a.cfg.Memory.ReadMem(buf[:], b); buf != [first]byte{} {
			t.Fatalf("memory at %#x is not zero", b)
		}
		for _, k := range a.pages.kept {
			if k.Contains(b) {
				t.Errorf("%v is in use, and kept", k)
			}
		}
	}
}

func TestRoundRun(t *testing.T) {
	for n := uint64(1); n < soloPages; n++ {
		if r := roundRun(n); r < n || r-n > n/8 || roundRun(r) != r {
			t.Fatalf("%d pages in a run of %d", n, r)
		}
	}
}
