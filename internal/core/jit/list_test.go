package jit

import (
	"math/rand/v2"
	"testing"
)

// TestIndex compares an index with a map: keys come, change and go, and a reset arena hands out memory that is not clear.
func TestIndex(t *testing.T) {
	a := new(arena)
	defer a.unmap()
	rng := rand.New(rand.NewPCG(seedWanted(t), 29))
	for range 3 {
		a.reset()
		x, want := index{arena: a}, make(map[uint64]uint32)
		for range 100_000 {
			key, val := 0x400000+rng.Uint64N(20_000), rng.Uint32N(4)
			x.set(key, val)
			if val != 0 {
				want[key] = val
			} else {
				delete(want, key)
			}
			if probe := 0x400000 + rng.Uint64N(20_000); x.get(probe) != want[probe] {
				t.Fatalf("key %#x has %d, want %d", probe, x.get(probe), want[probe])
			}
		}
		n := 0
		x.all(func(key uint64, val uint32) {
			n++
			if want[key] != val {
				t.Errorf("key %#x has %d, want %d", key, val, want[key])
			}
		})
		if n != len(want) || x.n != n || 2*x.used > len(x.slots) {
			t.Errorf("%d keys, %d counted, %d of %d slots used; want %d", n, x.n, x.used, len(x.slots), len(want))
		}
	}
}

// TestArena takes more than a block holds: pieces must not overlap, also after a reset.
func TestArena(t *testing.T) {
	a := new(arena)
	defer a.unmap()
	for round := range uint64(2) {
		a.reset()
		var pieces [][]uint64
		for _, n := range []int{1, 5 << 10, 1 << 20, 3 << 20, 1, 1 << 20, 2 << 20} {
			p := takeSlice[uint64](a, n)
			p[0], p[n-1] = round<<32|uint64(n), round<<32|uint64(n)
			pieces = append(pieces, p)
		}
		for _, p := range pieces {
			if want := round<<32 | uint64(len(p)); p[0] != want || p[len(p)-1] != want {
				t.Errorf("round %d: a piece of %d words has %#x at its start, %#x at its end", round, len(p), p[0], p[len(p)-1])
			}
		}
	}
}
