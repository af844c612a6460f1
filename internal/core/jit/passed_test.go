package jit

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// checker is a tool that has all accesses checked, and the stack pointer followed.
type checker struct{ everything }

func (checker) Instrument(b *tool.Block) {
	for i := range b.Insts {
		x := &b.Insts[i]
		for k := range x.Mem {
			b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpCheck, Mem: k})
		}
		if x.Written>>guest.RSP&1 != 0 {
			b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpStack})
		}
	}
}

// TestPassed counts the checks of traces that use operands several times.
func TestPassed(t *testing.T) {
	const base = 0x20000000
	for _, tc := range []struct {
		name   string
		code   string
		checks int
	}{
		{"twice", "48 8b 07  48 8b 0f", 1},
		{"a part", "48 8b 07  8b 4f 04", 1},
		{"the whole after a part", "8b 4f 04  48 8b 07  39 c0", 0},
		{"halves", "8b 07  8b 4f 04  39 c0", 0},
		{"halves of a table", "8b 84 8f 00 01 00 00  8b 94 8f 04 01 00 00  39 c0", 0},
		{"halves, rip-relative", "8b 05 fa 00 00 00  8b 0d f8 00 00 00  39 c0", 0},
		{"quarters, one missing", "0f b6 07  0f b6 4f 01  0f b7 57 04  39 c0", 3},
		{"halves, flags live", "39 c0  8b 07  8b 4f 04  74 00", 2},
		{"half loaded, half stored", "8b 07  89 4f 04  39 c0", 2},
		{"halves, another base by then", "8b 07  48 ff c7  8b 4f 04  39 c0", 2},
		{"halves with a jump between", "8b 07  e3 10  8b 4f 04  39 c0", 2},
		{"halves with a jump to the second", "e3 02  8b 07  8b 4f 04  39 c0", 2},
		{"halves, stack released between", "8b 07  48 83 c4 08  8b 4f 04  39 c0", 2},
		{"beside it", "48 8b 07  48 8b 4f 01", 2},
		{"loaded and stored", "48 8b 07  48 89 0f", 1},
		{"stored and loaded", "48 89 0f  48 8b 07", 1},
		{"with an index", "48 8b 04 f7  48 8b 0c f7", 1},
		{"with another scale", "48 8b 04 f7  48 8b 0c b7", 2},
		{"cut to 32 bits", "48 8b 07  67 48 8b 0f", 2},
		{"base overwritten", "48 8b 3f  48 8b 0f", 2},
		{"base overwritten in part", "48 8b 07  40 b7 01  48 8b 0f", 2},
		{"index overwritten", "48 8b 34 f7  48 8b 0c f7", 2},
		{"rip-relative", "48 8b 05 f9 00 00 00  48 8b 0d f2 00 00 00", 1},
		{"a quarter of a vector", "0f 10 07  8b 4f 04", 2},
		{"call between", "48 8b 07  e8 00 01 00 00  48 8b 0f", 3},
		{"jump out between", "48 8b 07  0f 84 00 01 00 00  48 8b 0f", 1},
		{"jump to the second", "74 03  48 8b 07  48 8b 0f", 2},
		{"stack released between", "48 8b 07  48 83 c4 08  48 8b 0f", 2},
		{"stack allocated between", "48 8b 07  48 83 ec 08  48 8b 0f", 1},
		{"copied between", "48 8b 07  a4  48 8b 0f", 4},
		{"on the stack", "48 8b 44 24 08  48 8b 4c 24 08", 1},
		{"on the stack, further up by now", "48 8b 44 24 08  48 83 ec 08  48 8b 4c 24 10", 1},
		{"segment", "64 48 8b 07  64 48 8b 0f", 2},
		{"conditional move", "48 0f 44 07  48 8b 0f", 1},
	} {
		tr := hexText(t, base, tc.code).translator(t, checker{})
		for _, steps := range []bool{false, true} {
			tr.cfg.Steps = steps
			tr.Flush()
			if _, err := tr.Entry(base); err != nil {
				t.Fatal(err)
			}
			relied := false
			for i := range tr.checks.n {
				relied = relied || tr.CheckAt(i).Relied
			}
			if n := tr.checks.n; steps && n != tc.checks {
				t.Errorf("%s: %d checks, want %d", tc.name, n, tc.checks)
			} else if !steps && relied {
				t.Errorf("%s: relies on a check without steps", tc.name)
			}
		}
	}
}

// TestPassedPrograms runs random programs over shadow memory that is bad in places, with all checks and with those that are left: whatever
// fails with the first fails with the others, in the same order, and the results are the processor's.
func TestPassedPrograms(t *testing.T) {
	d := newDiffer(t, seedWanted(t))
	d.modes = []*mode{d.m.newMode(t, 0, "all checks", true, checker{}), d.m.newMode(t, 1, "checks left", true, checker{})}
	d.modes[1].cfg.Steps = true
	p := &program{d: d, near: true}
	p.collect(4000)
	failed, left, apart := [2]int{}, 0, 0
	for n, end := firstCase(t), firstCase(t)+uint64(casesWanted(t, 3_000)); n < end; n++ {
		p.generate(n)
		var seen [2][]guest.Addr
		for i, md := range d.modes {
			var last Check
			d.ev.checked = func(k Check) {
				if again := k.PC == last.PC && k.Access > last.Access; !again { // another access of the same run of an instruction
					seen[i] = append(seen[i], k.PC)
				}
				last = k
				if k.Relied {
					left++
				}
			}
			msg := p.runBad(md, n)
			if msg == ErrFull.Error() {
				d.m.clearPlanes()
				md.Flush()
				seen[i] = nil
				msg = p.runBad(md, n)
			}
			for v := range md.versions {
				if v.ver == verApart {
					apart++
				}
			}
			if md.Discard(guest.Range{Start: guest.Addr(p.base), End: guest.Addr(p.base + progSize)}); msg != "" {
				t.Errorf("program %d: %s: %s", n, md.name, msg)
			}
			failed[i] += len(seen[i])
		}
		if !slices.Equal(seen[0], seen[1]) {
			t.Fatalf("program %d: checks fail at %#v, of those left at %#v", n, seen[0], seen[1])
		}
	}
	t.Logf("%v checks failed, after %d the instruction was stepped, operands were looked at apart in %d places, %d and %d bytes of code", failed, left, apart, d.modes[0].Stats().HostBytes, d.modes[1].Stats().HostBytes)
	if left == 0 || apart == 0 || failed[0] == 0 {
		t.Error("nothing was tried")
	}
}

// runBad runs the program with some bytes of its operands, and of the stack, inaccessible or undefined.
func (p *program) runBad(md *mode, n uint64) string {
	d, m, s := p.d, p.d.m, &p.d.s
	rng := rand.New(rand.NewPCG(d.seed, n))
	p.load()
	p.state(rng)
	if _, err := p.native(); err != nil {
		return err.Error()
	}
	fsBase := uint64(m.a.Addr())
	s.restore(fsBase)
	s.load(m.b, fsBase)
	d.poison = poison{}
	d.defineShadow()
	for range 3 {
		mark := []byte{0x80, 0xff}[rng.IntN(2)]
		fill(bytesAt(shadowOf(s.win+winSize/2+uint64(rng.IntN(64))), 1+rng.IntN(8)), mark)
		fill(bytesAt(shadowOf(s.gpr[guest.RSP]+uint64(rng.IntN(256))), 1+rng.IntN(8)), 0x80)
	}
	got, err := m.translated(md, p.base, guest.ShadowDistance, &d.ev)
	if err != nil {
		return err.Error()
	}
	if msg := p.differs(got); msg != "" {
		return fmt.Sprintf("%s (%d checks failed)", msg, len(d.ev.checks))
	}
	return ""
}
