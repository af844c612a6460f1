package jit

import (
	"math/rand/v2"
	"testing"
)

// TestIndex compares an index with a map: keys come, change and go, and a reset arena hands out memory that is not clear.
func TestIndex(t *testing.T) {
	a := newArena(nil)
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
	a := newArena(nil)
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

// TestPoints keeps random points and looks the ones up that hold at, in front of and behind each.
func TestPoints(t *testing.T) {
	rng := rand.New(rand.NewPCG(seedWanted(t), 31))
	small := func(limit uint32) uint32 {
		if rng.IntN(8) == 0 {
			return rng.Uint32N(1 << 20)
		}
		return rng.Uint32N(limit)
	}
	tr := &Translator{arena: newArena(nil)}
	defer tr.arena.unmap()
	tr.pointBytes.arena = tr.arena
	for range 2000 {
		fr := fragment{start: rng.Uint32N(1 << 30)}
		last := point{host: fr.start}
		var want []point
		var b []byte
		for range rng.IntN(40) {
			p := point{host: last.host + small(300), guest: last.guest + small(40), exact: rng.IntN(2) == 0, whole: rng.IntN(2) == 0}
			if rng.IntN(4) == 0 {
				p.spill = [3]uint8{uint8(rng.IntN(17)), uint8(rng.IntN(17)), uint8(rng.IntN(17))}
			}
			b = appendPoint(b, last, p)
			want, last = append(want, p), p
		}
		fr.points, fr.nPoint = tr.pointBytes.put(b), uint32(len(b))
		for i, p := range want {
			for _, off := range []uint32{p.host, p.host - 1, p.host + 1} {
				var expect point
				found := false
				for _, q := range want {
					if q.host <= off {
						expect, found = q, true
					}
				}
				if got, ok := tr.pointAt(&fr, off); got != expect || ok != found {
					t.Fatalf("point %d, offset %#x: %+v, %v; want %+v, %v", i, off, got, ok, expect, found)
				}
			}
		}
	}
}
