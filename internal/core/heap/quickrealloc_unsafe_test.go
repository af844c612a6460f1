package heap

import (
	"math/rand/v2"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// TestQuickRealloc looks at contents and shadow of blocks that realloc has moved.
func TestQuickRealloc(t *testing.T) {
	l := tool.HeapConfig{RedZone: 16, Alignment: 16, Quarantine: largeQuarantine, BigBlock: 1 << 20, MallocFill: -1, FreeFill: -1, KeepFreedInfo: true, Dirty: true}
	q := newQuick(t, l, tool.QuickHeap{Shadow: 1, Fresh: 0xff, Gone: 0x80}, true)
	th := &thread{id: 1}
	q.call(th, "malloc", 1) // maps the arena
	const size = 1 << 20
	shadow := make([]byte, size)
	first := uint64(q.ar.maps[0].Start)
	q.a.quick.conf.Shadow = uint64(addressOf(shadow)) - first
	rng := rand.New(rand.NewPCG(1, 2))
	moved := 0
	for range 2000 {
		old, n := uint64(rng.IntN(200)), uint64(1+rng.IntN(200))
		p := q.call(th, "malloc", old)
		data := make([]byte, old)
		was := shadow[p-first:][:old]
		for i := range data {
			data[i] = byte(rng.Uint32())
			was[i] = []byte{0, 0xff}[rng.IntN(2)]
		}
		copy(view(guest.Addr(p), int(old)), data)
		odd := old > 0 && rng.IntN(4) == 0 // a byte whose shadow does not say all
		at := 0
		if odd {
			at = rng.IntN(int(old))
			was[at] = 0x0f
		}
		want := append([]byte(nil), was...)
		before := q.quick
		to := q.call(th, "realloc", p, n)
		if q.quick == before {
			q.call(th, "free", to)
			continue // a new class, or odd
		}
		if odd && uint64(at) < n {
			t.Fatalf("a block with a byte of shadow %#x is moved the quick way", 0x0f)
		}
		moved++
		both := min(old, n)
		if got := view(guest.Addr(to), int(both)); string(got) != string(data[:both]) {
			t.Fatalf("realloc from %d to %d bytes: contents %x, want %x", old, n, got, data[:both])
		}
		now := shadow[to-first:][:n]
		for i := range now {
			x := byte(0xff)
			if uint64(i) < both {
				x = want[i]
			}
			if now[i] != x {
				t.Fatalf("realloc from %d to %d bytes: shadow of byte %d is %#x, want %#x", old, n, i, now[i], x)
			}
		}
		for i, b := range was {
			if b != 0x80 {
				t.Fatalf("realloc from %d to %d bytes: shadow of byte %d of the old block is %#x", old, n, i, b)
			}
		}
		q.call(th, "free", to)
	}
	if moved < 1000 || len(q.ar.maps) != 1 {
		t.Errorf("%d blocks were moved the quick way, %d arenas", moved, len(q.ar.maps))
	}
}

// TestQuickReallocNull allocates by realloc, as some programs do all the time.
func TestQuickReallocNull(t *testing.T) {
	l := tool.HeapConfig{RedZone: 16, Alignment: 16, Quarantine: largeQuarantine, BigBlock: 1 << 20, MallocFill: -1, FreeFill: -1, KeepFreedInfo: true}
	q := newQuick(t, l, tool.QuickHeap{AllocStacks: true, FreeStacks: true}, true)
	th := &thread{id: 1}
	for range 100 {
		q.call(th, "free", q.call(th, "realloc", 0, 40))
	}
	if q.quick < 190 {
		t.Errorf("%d of 200 calls were quick", q.quick)
	}
}
