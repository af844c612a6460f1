package stack

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"gogrind/internal/guest"
)

func TestIntern(t *testing.T) {
	n := NewInterner()
	rows := []struct {
		pcs  []guest.Addr
		want ID
	}{
		{nil, 0},
		{[]guest.Addr{1}, 1},
		{[]guest.Addr{1, 2}, 2},
		{[]guest.Addr{2, 1}, 3},
		{[]guest.Addr{1}, 1},
		{[]guest.Addr{0}, 4},
		{[]guest.Addr{0, 0}, 5},
		{[]guest.Addr{1, 2}, 2},
	}
	for _, r := range rows {
		if got := n.Intern(r.pcs); got != r.want {
			t.Errorf("Intern(%v) = %d, want %d", r.pcs, got, r.want)
		}
		if got := n.Get(r.want); !slices.Equal(got, r.pcs) {
			t.Errorf("Get(%d) = %v, want %v", r.want, got, r.pcs)
		}
	}
	if n.Len() != 5 {
		t.Errorf("Len = %d", n.Len())
	}
	for _, id := range []ID{6, 5000, 1 << 26, 1<<32 - 1} {
		if n.Get(id) != nil {
			t.Errorf("Get(%d) of an id never given out = %v", id, n.Get(id))
		}
	}
}

func TestInternCopies(t *testing.T) {
	n := NewInterner()
	buf := []guest.Addr{7, 8, 9}
	id := n.Intern(buf)
	buf[0] = 1
	if got := n.Get(id); got[0] != 7 {
		t.Errorf("the interned stack changed with the caller's buffer: %v", got)
	}
}

func TestSame(t *testing.T) {
	n := NewInterner()
	id := func(pcs ...guest.Addr) ID { return n.Intern(pcs) }
	rows := []struct {
		a, b  ID
		depth int
		want  bool
	}{
		{id(1, 2, 3), id(1, 2, 4), Low, true},
		{id(1, 2, 3), id(1, 2, 4), Med, false},
		{id(1, 2, 3, 4, 5), id(1, 2, 3, 4, 6), Med, true},
		{id(1, 2, 3, 4, 5), id(1, 2, 3, 4, 6), High, false},
		{id(1), id(1, 2), Low, false},
		{id(1, 2), id(1, 2, 3), Low, true},
		{id(1, 2), id(1, 2), High, true},
		{0, id(1), Low, false},
		{0, 0, Low, true},
	}
	for _, r := range rows {
		if got := n.Same(r.a, r.b, r.depth); got != r.want {
			t.Errorf("Same(%v, %v, %d) = %v", n.Get(r.a), n.Get(r.b), r.depth, got)
		}
	}
}

// TestInternConcurrently lets goroutines intern the same stacks in different orders: each stack must get one id.
func TestInternConcurrently(t *testing.T) {
	const workers, stacks = 8, 5000
	n := NewInterner()
	got := make([][]ID, workers)
	var wg sync.WaitGroup
	for w := range workers {
		got[w] = make([]ID, stacks)
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for _, i := range r.Perm(stacks) {
				pcs := []guest.Addr{guest.Addr(i), guest.Addr(i % 7), 3}
				id := n.Intern(pcs)
				if !slices.Equal(n.Get(id), pcs) {
					t.Errorf("Get(Intern(%v)) = %v", pcs, n.Get(id))
					return
				}
				got[w][i] = id
			}
		})
	}
	wg.Wait()
	for w := 1; w < workers; w++ {
		if !slices.Equal(got[w], got[0]) {
			t.Fatalf("workers 0 and %d have different ids", w)
		}
	}
	if n.Len() != stacks {
		t.Errorf("%d ids for %d stacks", n.Len(), stacks)
	}
}

func BenchmarkIntern12(b *testing.B) {
	n := NewInterner()
	pcs := make([]guest.Addr, 12)
	for i := range pcs {
		pcs[i] = guest.Addr(0x401000 + i*77)
	}
	for b.Loop() {
		n.Intern(pcs)
	}
}
