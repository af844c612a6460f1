package cachegrind

import (
	"maps"
	"math/rand/v2"
	"testing"

	"gogrind/internal/guest"
)

// TestTally: counts of pieces of code that overlap, each of them runs of different lengths, are added up and come by address.
func TestTally(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var all tally
		want := map[guest.Addr]int64{}
		for range 1 + rnd.IntN(20) {
			pc := guest.Addr(0x1000 + rnd.IntN(60))
			r := &runs{}
			n := 1 + rnd.IntN(20)
			for range n {
				r.lens = append(r.lens, uint8(1+rnd.IntN(4)))
			}
			all.begin(pc)
			for n > 0 {
				skip := rnd.IntN(n)
				times := int64(rnd.IntN(3))
				if times != 0 {
					all.add(r, &run{pc: pc, n: uint8(n)}, uint8(skip), times)
				}
				a := pc
				for i, l := range r.lens[:n] {
					if i >= skip && times != 0 {
						want[a] += times
					}
					a += guest.Addr(l)
				}
				n = skip
			}
			all.end()
		}
		got := map[guest.Addr]int64{}
		last := guest.Addr(0)
		all.each(func(pc guest.Addr, n int64) {
			if pc <= last {
				t.Fatalf("%#x behind %#x", pc, last)
			}
			last = pc
			got[pc] = n
		})
		if !maps.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	}
}

// TestSharedLengths: runs of a block that begin together share the lengths of their instructions, and are found again.
func TestSharedLengths(t *testing.T) {
	c := newTest(false)
	b := block(t, codeStart, "90 75 10 90 75 10 90 c3") // nop; jne; nop; jne; nop; ret
	c.Instrument(b)
	r := &c.runs
	if len(r.all) != 4 || len(r.lens) != len(b.Insts) {
		t.Fatalf("%d runs, %d lengths of %d instructions", len(r.all)-1, len(r.lens), len(b.Insts))
	}
	again := block(t, codeStart, "90 75 10 90 75 10 90 c3")
	c.Instrument(again)
	if len(r.all) != 4 {
		t.Errorf("%d runs when the block is seen again", len(r.all)-1)
	}
	longer := block(t, codeStart, "90 75 10 90 75 10 90 90 c3")
	c.Instrument(longer)
	if len(r.all) != 5 || len(r.lens) != 2*len(b.Insts)+1 {
		t.Errorf("%d runs, %d lengths with one that is longer", len(r.all)-1, len(r.lens))
	}
	for k, n := range []uint64{1, 10, 100, 1000} {
		*r.value(uint32(k + 1)) = n
	}
	c.settle(all())
	for line, want := range map[int]int64{1: 1111, 2: 1111, 4: 1110, 5: 1110, 7: 1100, 8: 1100, 9: 1000} {
		if got := lines(c, 0)[line]; got != want {
			t.Errorf("line %d: %d, want %d", line, got, want)
		}
	}
}
