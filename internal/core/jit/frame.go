package jit

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// frame knows which bytes of the stack the trace under way has made defined, or has checked, on the only way that leads here: a check of
// them is left out. It works for fast code only, in which every plain store is of defined bytes. What it knows holds until the bytes are released,
// other code runs (a call, a jump into the trace), or the stack pointer changes by an unknown amount.
type frame struct {
	sp    int64 // stack pointer, from where it was when the trace began
	n     int
	slots [frameSlots]struct {
		from, to int64 // defined bytes, as sp
		by       int   // instruction that has stored or checked them
	}
}

// frameSlots bounds what is remembered; further slots are not.
const frameSlots = 16

// frameReach is the largest displacement from the stack pointer that is remembered.
const frameReach = 1 << 20

func (f *frame) forget() { f.n = 0 }

// add remembers that instruction by has stored to [from, to), or checked it.
func (f *frame) add(from, to int64, by int) {
	if f.n < len(f.slots) && f.has(from, to) < 0 {
		s := &f.slots[f.n]
		s.from, s.to, s.by = from, to, by
		f.n++
	}
}

// has is the instruction that has stored to [from, to), or checked it, -1 if none is known.
func (f *frame) has(from, to int64) int {
	for _, s := range f.slots[:f.n] {
		if s.from <= from && to <= s.to {
			return s.by
		}
	}
	return -1
}

// move follows the stack pointer; what is below it then has been released.
func (f *frame) move(delta int32) {
	f.sp += int64(delta)
	kept := 0
	for _, s := range f.slots[:f.n] {
		if s.from >= f.sp {
			f.slots[kept] = s
			kept++
		}
	}
	f.n = kept
}

// slotOf is the place of access acc of in on the stack, as frame.sp, if it is at a known distance from the stack pointer.
func (f *frame) slotOf(in *inst, acc *amd64.Access) (from, to int64, ok bool) {
	if acc.Cond || acc.Elem != 0 || acc.Outside || acc.Size == 0 {
		return 0, 0, false
	}
	size := int64(acc.Size)
	switch acc.Addr {
	case amd64.AddrPop:
		return f.sp, f.sp + size, true
	case amd64.AddrPush:
		return f.sp - size, f.sp, true
	case amd64.AddrModRM:
		if in.Base != guest.RSP || in.Index != amd64.NoReg || in.Seg >= amd64.SegFS || in.ASize != 8 || in.Op == 0x8f ||
			in.Disp <= -frameReach || in.Disp >= frameReach {
			return 0, 0, false
		}
		return f.sp + in.Disp, f.sp + in.Disp + size, true
	}
	return 0, 0, false
}

// startFrame prepares the frame for the trace that has been found: it knows nothing where jumps inside the trace arrive.
func (t *Translator) startFrame() {
	tr := &t.tr
	t.frame = frame{}
	t.passed.forget()
	for i := range tr.n {
		tr.insts[i].joined = false
	}
	for i := range tr.n {
		switch in := &tr.insts[i]; in.flow {
		case flowJcc, flowLoop, flowJmp:
			if k := tr.indexOf(in.target); k >= 0 {
				tr.insts[k].joined = true
			}
		}
	}
}

// passFrame follows what instruction in does to the frame and to operands that have passed.
func (t *Translator) passFrame(in *inst) {
	f, p := &t.frame, &t.passed
	switch in.flow {
	case flowNext, flowJcc, flowLoop:
	default:
		t.forgetPassed()
		return
	}
	if t.trusted(in) || in.repeats() {
		t.forgetPassed() // these may copy undefined bytes to anywhere
		return
	}
	p.pass(in)
	if in.gprs>>guest.RSP&1 == 0 {
		return
	}
	delta, known := stackDelta(in)
	switch {
	case !known:
		t.forgetPassed()
	case delta > 0: // what is released may be what an operand has led to
		p.forget()
		f.move(delta)
	default:
		f.move(delta)
	}
}

// forgetPassed forgets all that checks could be left out for.
func (t *Translator) forgetPassed() {
	t.frame.forget()
	t.passed.forget()
}
