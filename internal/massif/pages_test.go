package massif

import (
	"math/rand"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// TestPages compares mappings with a model that has an entry for each page.
func TestPages(t *testing.T) {
	b := newBench(t, "-pages-as-heap=yes")
	r := rand.New(rand.NewSource(1))
	const pages, page = 64, guest.PageSize
	model := map[int]bool{}
	span := func() (int, int) {
		lo := r.Intn(pages)
		return lo, lo + 1 + r.Intn(pages-lo)
	}
	rng := func(lo, hi int) guest.Range {
		return guest.Range{Start: guest.Addr(lo * page), End: guest.Addr(hi * page)}
	}
	for i := range 2000 {
		lo, hi := span()
		switch r.Intn(3) {
		case 0:
			b.m.Mapped(tool.Mapping{Range: rng(lo, hi)})
			for p := lo; p < hi; p++ {
				model[p] = true
			}
		case 1:
			b.m.Unmapped(rng(lo, hi))
			for p := lo; p < hi; p++ {
				delete(model, p)
			}
		case 2:
			to := 2*pages + r.Intn(pages)
			b.m.Moved(rng(lo, hi), rng(to, to+hi-lo))
			for p := lo; p < hi; p++ {
				delete(model, p)
				model[to+p-lo] = true
			}
		}
		want := uint64(len(model) * page)
		var sum uint64
		for j := range b.m.contexts.list {
			sum += b.m.contexts.list[j].bytes
		}
		if b.m.use.heap != want || sum != want {
			t.Fatalf("step %d: %d bytes in use, %d by context, want %d", i, b.m.use.heap, sum, want)
		}
	}
}

func TestStacks(t *testing.T) {
	b := newBench(t, "-stacks=yes")
	const top = 0x7000_0000
	b.h.opt.MaxStackframe = 1 << 20
	b.m.threads[1].base, b.m.threads[1].sp = top, top
	use := func(step string, want uint64) {
		t.Helper()
		if b.m.use.stacks != want {
			t.Errorf("%s: %d bytes of stack, want %d", step, b.m.use.stacks, want)
		}
	}
	b.m.Events(b.h.t, []tool.Event{{Site: sitePush, Value: top - 8}, {Site: sitePush, Value: top - 64}})
	use("push", 64)
	b.m.Events(b.h.t, []tool.Event{{Site: 8, Value: top - 64}})
	use("pop", 56)
	b.m.Events(b.h.t, []tool.Event{{Site: sitePush, Value: 0x1000_0000}})
	use("another stack", 56)
	b.m.Events(b.h.t, []tool.Event{{Site: sitePush, Value: 0x1000_0000 - 16}})
	use("push on it", 72)
	b.m.ThreadEnded(b.h.t)
	use("end", 0)
	if i := b.m.rec.peak(); i < 0 || b.m.rec.snaps[i].use.stacks != 72 {
		t.Errorf("the peak is snapshot %d of %+v", i, b.m.rec.snaps)
	}
}

func TestInstrument(t *testing.T) {
	// nop; call +0x10000; ret
	code := []byte{0x90, 0xe8, 0, 0, 1, 0, 0xc3}
	b := &tool.Block{}
	for at := 0; at < len(code); {
		in := new(amd64.Inst)
		if err := amd64.Decode(code[at:], in); err != nil {
			t.Fatal(err)
		}
		b.Insts = append(b.Insts, tool.Inst{PC: guest.Addr(at), Inst: in, Mem: in.MemAccesses(nil)})
		at += int(in.Len)
	}
	m := New()
	m.opts.stacks = true
	m.Instrument(b)
	if len(b.Anns) != 2 || b.Anns[1].Inst != 2 || b.Anns[1].Op != tool.OpEventAddr || b.Anns[1].Arg != 8 {
		t.Errorf("annotations for stacks: %+v", b.Anns)
	}
}

func TestClock(t *testing.T) {
	for _, tc := range []struct {
		unit   string
		stacks bool
		words  int
		alone  bool
	}{{unitInstructions, false, clocks, true}, {unitInstructions, true, clocks, false}, {unitBytes, false, 0, true}} {
		m := New()
		m.opts.timeUnit, m.opts.stacks = tc.unit, tc.stacks
		words, alone := m.Clock(func(n int) tool.Counters { return tool.Counters{Values: make([]uint64, n)} })
		if len(words.Values) != tc.words || alone != tc.alone {
			t.Errorf("%+v: %d words, alone %v", tc, len(words.Values), alone)
		}
	}
}
