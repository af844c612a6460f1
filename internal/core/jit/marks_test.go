package jit

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// stackOnly is a tool that asks for OpStack on every instruction that writes the stack pointer.
type stackOnly struct{ everything }

func (stackOnly) Instrument(b *tool.Block) {
	for i := range b.Insts {
		if b.Insts[i].Row != nil && b.Insts[i].Effects().Writes.Has(amd64.GPR(guest.RSP)) {
			b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpStack})
		}
	}
}

// wantMarks is what OpStack promises: memory that is released is undefined. Steps are of 8 bytes from the lower end; a change of more than stackSwitch is another stack. A return that drops more than stackInline
// bytes is left alone.
func wantMarks(shadow []byte, base, old, now uint64, ret bool) {
	if now < old {
		return
	}
	lo, hi := old, now
	n := hi - lo
	switch {
	case ret && n > stackInline:
		n = 0
	case ret:
		n &^= 3
		if n != hi-lo {
			n = 0
		}
	case n > stackSwitch:
		n = 0
	default:
		n &^= 7
	}
	for i := uint64(0); i < n; i++ {
		if at := lo + i - base; at < uint64(len(shadow)) {
			shadow[at] = 0xff
		}
	}
}

// TestStackMarks runs every instruction form that writes the stack pointer, with random operands, and compares the shadow of
// the stack with the model.
func TestStackMarks(t *testing.T) {
	d := newDiffer(t, seedWanted(t))
	md := d.m.newMode(t, 3, "stack", true, stackOnly{})
	d.modes = nil
	const before = 0x1000 // shadow below the stack is looked at too
	area := func() []byte { return bytesAt(shadowOf(stackBase-before), before+stackSize) }
	names := make(map[string]int)
	cases, moved, crossed := 0, 0, 0
	for n := uint64(0); cases < 3000 && n < 3_000_000; n++ {
		if !d.generate(n) || !d.in.Effects().Writes.Has(amd64.GPR(guest.RSP)) {
			continue
		}
		rng := rand.New(rand.NewPCG(d.seed^29, n))
		// Mostly stack pointers near the stack, whatever writes them.
		for r := range d.s.gpr {
			if r != guest.RSP && !addressRegister(&d.in, r) && rng.IntN(2) == 0 {
				d.s.gpr[r] = stackBase + stackSize/2 + uint64(rng.IntN(0x400)) - 0x200
			}
		}
		if msg := d.run(); msg != "" {
			t.Fatal(d.describe(n), msg)
		}
		if d.want.sig != 0 {
			continue
		}
		cases++
		names[d.in.Mnem()]++
		old, now := d.s.gpr[guest.RSP], d.want.gpr[guest.RSP]
		if old != now {
			moved++
		}
		fill(area(), 0x55)
		// Ends of registered stacks on either side of what is moved over, or between.
		var own []guest.Range
		if now > old && rng.IntN(2) == 0 {
			end := guest.Addr(old - 16 + uint64(rng.IntN(int(min(now-old, 1<<20))+32)))
			own = append(own, guest.Range{Start: 0x1000, End: 0x2000}, guest.Range{Start: end - 64, End: end})
		}
		md.SetStacks(own)
		_, constant := stackDelta(&inst{Inst: d.in})
		other := d.in.Row.Cf == amd64.CfNone && !constant && crosses(own, old, now)
		if other {
			crossed++
		}
		fsBase := uint64(d.m.a.Addr())
		d.s.restore(fsBase)
		d.s.load(d.m.b, fsBase)
		end, err := d.m.translated(md, d.pc, guest.ShadowDistance, &d.ev)
		md.Discard(guest.Range{Start: guest.Addr(d.pc), End: guest.Addr(d.pc + 160)})
		if err != nil || end != d.want.stop {
			t.Fatalf("%s: %s, %v", d.describe(n), end, err)
		}
		want := make([]byte, before+stackSize)
		fill(want, 0x55)
		if !other && (d.in.Row.Sem != isa.Copy || !d.in.HasMem) { // a load of the stack pointer changes stacks
			wantMarks(want, stackBase-before, old, now, d.in.Row.Cf == amd64.CfRet)
		}
		if msg := firstDifference(area(), want); msg != "" {
			t.Errorf("%s: stack pointer from %#x to %#x: shadow at %s", d.describe(n), old, now, msg)
		}
	}
	clear(area())
	md.SetStacks(nil)
	t.Logf("%d cases, %d moved the stack pointer, %d from one stack to another: %v", cases, moved, crossed, names)
	if crossed == 0 {
		t.Error("no case changes stacks")
	}
}

// crosses reports whether the stack pointer goes into or out of one of stacks.
func crosses(stacks []guest.Range, old, now uint64) bool {
	for _, s := range stacks {
		in := func(sp uint64) bool { return uint64(s.Start) <= sp && sp <= uint64(s.End) }
		if in(old) != in(now) || uint64(s.Start) > old && uint64(s.End) < now {
			return true
		}
	}
	return false
}

// addressRegister reports whether the instruction needs register r as the case has it.
func addressRegister(in *amd64.Inst, r int) bool {
	return in.HasMem && (int(in.Base) == r || int(in.Index) == r) || in.Row.Cf != amd64.CfNone || r == guest.RBP
}

func firstDifference(got, want []byte) string {
	for i := range got {
		if got[i] != want[i] {
			end := min(i+16, len(got))
			return fmt.Sprintf("%#x: %x, want %x", stackBase-0x1000+i, got[i:end], want[i:end])
		}
	}
	return ""
}
