package jit

import (
	"math/bits"

	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// The comparisons of lines that instructions of a straight piece of code need stand together, as far as the registers of their
// addresses have their values already: what they take is saved once for all of them, and mostly where no flags are live. Their order
// remains that of the accesses.

// missUnit is one comparison: with one or two code lines of an instruction, or of data accesses that follow each other and lie close
// together. If a comparison succeeds, nothing changes in the model, so that one for several accesses is as good as one for each.
type missUnit struct {
	place, inst int    // instruction that it stands in front of, and the first one that it is of
	parts       [2]int // data: its accesses are t.parts[parts[0]:parts[1]]
	m           mem    // data: operand of the first byte, as at place
	size        int32  // data: bytes from there that are compared
	access      int    // data: of that instruction
	counter     guest.Addr
	lines       [2]uint64 // code: the first and last one
	code        bool
	alone       bool // data: Go looks for the elements if the comparison fails
}

// missPart is one access of a unit.
type missPart struct {
	off     int32 // from the unit's first byte
	size    int32
	counter guest.Addr
}

// unitReach is the greatest size of a unit of several accesses, as a part of a line: more would lie in two lines too often.
const unitReach = 2

// unitRegs is how many registers the addresses of a group name at most, so that there are two others.
const unitRegs = 12

// grouping is where groupMisses has come to.
type grouping struct {
	floor   int     // nothing moves in front of this instruction
	open    int     // place of the group under way, -1 for none
	used    uint32  // registers of its addresses
	since   [16]int // instruction from which on a register has its value
	spMoved int32   // by how much the stack pointer has moved since since[rsp]
	sp      [maxInsts + 1]int32
}

// groupMisses makes the units of the trace.
func (t *Translator) groupMisses() {
	t.units, t.parts, t.unitAt = t.units[:0], t.parts[:0], 0
	if t.cfg.Caches.Data == nil {
		return
	}
	tr, g := &t.tr, &t.grouping
	*g = grouping{open: -1}
	anns := t.block.Anns
	for i := range tr.insts[:tr.n] {
		in := &tr.insts[i]
		g.sp[i] = g.spMoved
		n := 0
		in.alone = t.once || in.repeats()
		for n < len(anns) && anns[n].Inst == i {
			if ann := &anns[n]; ann.Op == tool.OpDataMiss {
				acc := &t.block.Insts[i].Mem[ann.Mem]
				in.alone = in.alone || !inlineMiss(in, acc) || byElement(in, acc)
			}
			n++
		}
		if in.joined {
			g.floor, g.open = i, -1
		}
		if in.alone {
			g.floor, g.open = i+1, -1
		} else {
			for j := range anns[:n] {
				switch ann := &anns[j]; ann.Op {
				case tool.OpCodeMiss:
					if u, ok := t.codeUnit(i, ann); ok {
						t.addUnit(u, 0)
					}
				case tool.OpDataMiss:
					u, part := t.dataUnit(i, ann)
					t.parts = append(t.parts, part)
					t.addUnit(u, regsOf(&u.m))
				}
			}
		}
		anns = anns[n:]
		if in.flow != flowNext {
			g.floor, g.open = i+1, -1
		}
		g.pass(i, in)
	}
}

// pass follows what instruction i does to registers.
func (g *grouping) pass(i int, in *inst) {
	writes := uint32(in.effects().Writes & amd64.SetGPR)
	if writes>>rsp&1 != 0 {
		if delta, known := stackDelta(in); known && in.flow == flowNext {
			writes &^= 1 << rsp
			g.spMoved += delta
		}
	}
	for ; writes != 0; writes &= writes - 1 {
		g.since[bits.TrailingZeros32(writes)] = i + 1
	}
}

// regsOf is the set of registers that m is computed from.
func regsOf(m *mem) (set uint32) {
	if m.base < atRIP {
		set |= 1 << m.base
	}
	if m.index < atRIP {
		set |= 1 << m.index
	}
	return set
}

// addUnit puts u, whose operand is that in front of instruction u.inst with registers regs, into a group or begins one.
func (t *Translator) addUnit(u missUnit, regs uint32) {
	g, tr := &t.grouping, &t.tr
	least := g.floor
	for r := regs; r != 0; r &= r - 1 {
		least = max(least, g.since[bits.TrailingZeros32(r)])
	}
	if u.m.a32 && u.m.base == rsp {
		least = u.inst // its sum is cut
	}
	if g.open < least || bits.OnesCount32(g.used|regs) > unitRegs {
		least = max(least, g.open)
		g.open, g.used = u.inst, 0
		for j := u.inst; j >= least; j-- {
			if tr.insts[j].live == 0 {
				g.open = j
				break
			}
		}
	}
	g.used |= regs
	u.place = g.open
	if u.m.base == rsp && !u.code {
		u.m.disp += g.sp[u.inst] - g.sp[u.place]
	}
	if n := len(t.units); n == 0 || u.code || !t.units[n-1].takes(&u, t.parts, t.cfg.Caches.Data.Line) {
		t.units = append(t.units, u)
	}
}

// takes makes u a part of the unit before it, if that is possible.
func (w *missUnit) takes(u *missUnit, parts []missPart, line int) bool {
	a, b := &w.m, &u.m
	if w.code || w.place != u.place || a.base != b.base || a.index != b.index || a.scale != b.scale || a.seg != b.seg || a.a32 || b.a32 {
		return false
	}
	off := int64(b.disp) - int64(a.disp) + int64(b.target-a.target)
	from, to := min(0, off), max(int64(w.size), off+int64(u.size))
	if to-from > int64(line/unitReach) {
		return false
	}
	for i := w.parts[0]; i < w.parts[1]; i++ {
		parts[i].off -= int32(from)
	}
	parts[u.parts[0]].off = int32(off - from)
	w.parts[1] = u.parts[1]
	if from < 0 {
		w.m = u.m
	}
	w.size = int32(to - from)
	return true
}

// codeUnit is the unit of instruction i's own lines; ok is false if there is nothing to compare.
func (t *Translator) codeUnit(i int, ann *tool.Ann) (u missUnit, ok bool) {
	in, size := &t.tr.insts[i], uint64(t.cfg.Caches.Code.Line)
	u = missUnit{place: i, inst: i, counter: ann.Ptr, lines: [2]uint64{in.pc / size, (in.pc + uint64(in.Len) - 1) / size}, code: true}
	if ann.Same {
		if u.lines[0] == u.lines[1] {
			return u, false
		}
		u.lines[0] = u.lines[1]
	}
	return u, true
}

// dataUnit is the unit of one access, and that access, which is to be the next one of t.parts.
func (t *Translator) dataUnit(i int, ann *tool.Ann) (u missUnit, part missPart) {
	in, acc := &t.tr.insts[i], &t.block.Insts[i].Mem[ann.Mem]
	part = missPart{size: int32(min(int(acc.Size), t.cfg.Caches.Data.Limit)), counter: ann.Ptr}
	u = missUnit{place: i, inst: i, parts: [2]int{len(t.parts), len(t.parts) + 1}, m: t.eventOperand(in, acc), size: part.size, access: ann.Mem, counter: ann.Ptr, alone: byElement(in, acc)}
	return u, part
}

// emitUnits emits the units in front of instruction i.
func (t *Translator) emitUnits(i int) {
	from := t.unitAt
	for t.unitAt < len(t.units) && t.units[t.unitAt].place == i {
		t.unitAt++
	}
	if from < t.unitAt {
		t.emitGroup(i, from, t.unitAt)
	}
}

// emitAlone emits what annotation ann of instruction i, which belongs to no group, asks for.
func (t *Translator) emitAlone(i int, ann *tool.Ann) {
	var u missUnit
	if ann.Op == tool.OpCodeMiss {
		var ok bool
		if u, ok = t.codeUnit(i, ann); !ok {
			return
		}
	} else {
		var part missPart
		u, part = t.dataUnit(i, ann)
		t.parts = append(t.parts, part)
	}
	u.place = -1 // emitUnits is not to come to it
	t.units = append(t.units, u)
	t.emitGroup(i, len(t.units)-1, len(t.units))
}

// emitGroup emits units [from, to) in front of instruction i.
func (t *Translator) emitGroup(i, from, to int) {
	a, in := &t.hot, &t.tr.insts[i]
	t.counts = true
	s := missStub{flags: in.live != 0}
	regs, data, alone := uint32(1<<rsp), false, false
	for _, u := range t.units[from:to] {
		if !u.code {
			data, alone = true, u.alone
			regs |= regsOf(&u.m)
		}
	}
	if data {
		s.p, s.v = t.freeRegs(i, regs)
		s.ownAX = s.flags && s.p != rax && s.v != rax
		a.store(spill(slotEvent), s.p)
		a.store(spill(slotValue), s.v)
		if s.flags {
			if s.ownAX {
				a.store(spill(slotOwnAX), rax)
			}
			a.flagsToAX()
			a.store(spill(slotKept), rax)
			if s.ownAX {
				a.load(rax, spill(slotOwnAX))
			}
		}
		s.free = true
	}
	s.free = s.free || !s.flags
	for n := from; n < to; n++ {
		u := &t.units[n]
		s.unit = n
		cold := coldStub{kind: coldMiss, inst: u.inst, recover: -1, miss: s}
		if u.code {
			cold.kind = coldFetch
			t.compareCode(&cold, u)
		} else {
			cold.access, cold.event = u.access, uint32(u.counter)
			t.address(u.m, s.p, s.v)
			cold.site = t.compareLine(a, &s, u.size)
		}
		cold.resume = a.pos
		if alone { // there is no other one
			t.endMiss(a, &s)
			cold.resume = a.pos
		} else if u.code && !s.free {
			a.load(rcx, spill(slotFlags))
		}
		t.tr.colds = append(t.tr.colds, cold)
	}
	if data && !alone {
		t.endMiss(a, &s)
	}
	t.point(in.pc, false, [3]uint8{})
}

// endMiss emits the end of a group: registers and flags are the guest's again.
func (t *Translator) endMiss(a *asm, s *missStub) {
	if s.flags {
		a.load(rax, spill(slotKept))
		a.flagsFromAX()
		if s.ownAX {
			a.load(rax, spill(slotOwnAX))
		}
	}
	a.load(s.v, spill(slotValue))
	a.load(s.p, spill(slotEvent))
}

// compareLine emits the comparison of size bytes at the address in s.v with the line that its set has used last, and a jump for what is
// not in it.
func (t *Translator) compareLine(a *asm, s *missStub, size int32) (site int) {
	d := t.cfg.Caches.Data
	a.setOffset(d, s.p, s.v)
	a.op(0, true, 0x03, s.v, at(s.p, int32(d.Start)), 0, false) // add: the tag is the negated address of a line
	a.alu64(aluCmp, s.v, int32(d.Line)-size)
	return a.jcc(ccA, 0)
}

// compareCode emits the comparison of u's lines with those last used in their sets. rcx is spilled unless flags may be overwritten.
func (t *Translator) compareCode(cold *coldStub, u *missUnit) {
	a := &t.hot
	if !cold.miss.free {
		a.store(spill(slotFlags), rcx)
	}
	for l := u.lines[0]; l <= u.lines[1]; l++ {
		key, set := t.codeKey(l), t.codeSet(l)
		var site int
		if cold.miss.free {
			a.op(0, true, 0x81, aluCmp, set, 4, false)
			a.u32(key)
			site = a.jcc(ccNE, 0)
		} else {
			a.load(rcx, set)
			a.lea(rcx, at(rcx, -int32(key)))
			a.b2(0xe3, 5) // jrcxz over the jump
			site = a.jmp(0)
		}
		if l == u.lines[0] {
			cold.site = site
		} else {
			cold.miss.second = site
		}
	}
}

// codeSet is the first word of the set of code line l.
func (t *Translator) codeSet(l uint64) mem {
	c := t.cfg.Caches.Code
	return mem{base: noReg, index: noReg, disp: int32(c.Start) + int32(l&uint64(c.Sets-1))*int32(8*c.Stride())}
}

// freeRegs picks two registers that are not in used, and that the trace reads as late as possible: to be given back their values takes
// time.
func (t *Translator) freeRegs(i int, used uint32) (p, v uint8) {
	free := 0xffff &^ used
	for j := i; j < t.tr.n && j < i+eventReach; j++ {
		left := free &^ uint32(t.tr.insts[j].effects().Reads)
		if bits.OnesCount32(left) < 2 {
			break
		}
		free = left
	}
	p = uint8(bits.TrailingZeros32(free))
	free &= free - 1
	return p, uint8(bits.TrailingZeros32(free))
}
