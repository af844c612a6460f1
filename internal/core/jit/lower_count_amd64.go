package jit

import "gogrind/internal/tool"

// lowerCount adds a constant to a counter below 2 GB, without flags when they are live.
func (t *Translator) lowerCount(live uint32, ann *tool.Ann) {
	a := &t.hot
	m := mem{base: atRIP, index: noReg, target: uint64(ann.Ptr)} // a byte shorter than the absolute address
	if uint64(ann.Ptr) > 0x7fffffff {
		panic("jit: counter out of reach")
	}
	n := int32(ann.Arg)
	t.counts = t.counts || !ann.Lossy
	switch {
	case t.shared && !ann.Lossy:
		t.lowerSharedCount(live, mem{base: noReg, index: noReg, disp: int32(ann.Ptr)}, n)
	case live == 0 && n == 1:
		a.op(0, true, 0xff, 0, m, 0, false) // inc
	case live == 0 && n >= -128 && n <= 127:
		a.op(0, true, 0x83, 0, m, 1, false)
		a.b1(byte(n))
	case live == 0:
		a.op(0, true, 0x81, 0, m, 4, false)
		a.u32(uint32(n))
	default:
		a.store(spill(slotFlags), rcx)
		a.load(rcx, m)
		a.lea(rcx, at(rcx, n))
		a.store(m, rcx)
		a.load(rcx, spill(slotFlags))
	}
}

// takenStub is what a conditional jump with counts does when it jumps: it stands behind the straight code.
type takenStub struct {
	site     int // rel32 field that jumps to it
	target   uint64
	from, to int // counts in trace.taken
}

// conditionalExit emits conditional jump in, with the counts of trace.taken from index from on. Those of a
// backward jump are in line.
func (t *Translator) conditionalExit(in *inst, from int) {
	tr, cc, target := &t.tr, int(in.Op&15), in.target
	if from == len(tr.taken) {
		t.directExit(cc, target)
		return
	}
	if target <= in.pc { // most likely a loop that goes on: a stub would cost it a second jump each time
		over := t.hot.jcc(byte(cc^1), 0)
		t.countedJump(target, from, len(tr.taken))
		t.hot.patch(over, t.hot.pos)
		return
	}
	tr.takens = append(tr.takens, takenStub{t.hot.jcc(byte(cc), 0), target, from, len(tr.taken)})
}

// countedJump emits the counts of trace.taken from index from to to, and a jump to guest address target.
func (t *Translator) countedJump(target uint64, from, to int) {
	if from < to {
		live := t.flagsAt(target).live
		for i := range t.tr.taken[from:to] {
			t.lowerCount(live, &t.tr.taken[from+i])
		}
	}
	t.directExit(-1, target)
}

// emitTakens emits the stubs of conditional jumps with counts.
func (t *Translator) emitTakens() {
	for _, s := range t.tr.takens {
		t.hot.patch(s.site, t.hot.pos)
		t.countedJump(s.target, s.from, s.to)
	}
}
