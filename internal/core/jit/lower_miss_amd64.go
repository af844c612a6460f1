package jit

import (
	"math/bits"

	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// Accesses and instructions use models of caches (tool.Caches). In line, an access is compared with the line that its set has used
// last, as nothing changes when it is that one; nine of ten are. All others go through a shared routine, which looks through the set
// and moves the line to its front. If it was not there, the routine counts that and does the same in the last level.

// Spill slots of these beside those of events. The shared routines use slotA, slotF, slotRCX and slotRDX, too.
const (
	slotAddr    = 11 // address of the access
	slotCounter = 12 // address of the counters; in the upper half the length of the access less one
	slotLahf    = 13 // flags
	slotKey     = 14 // key of the code line; in the upper half the offset of its set
	slotMissing = 15 // whether a line is missing
	slotEnd     = 16 // where a set ends
	slotNext    = 17 // as slotKey, for a second line
	slotOwnAX   = slotFlags
)

// unrolled is how many lines of a set are looked at without a loop.
const unrolled = 16

// missRoutines are the host offsets of the shared routines. slotT has where they go on.
type missRoutines struct{ data, code, codes int }

// missStub is what the out-of-line part of such an event has to know.
type missStub struct {
	v      uint8 // register for the address
	p      uint8 // and one that may be overwritten
	flags  bool  // flags are in slotLahf, and with ownAX the guest's rax in slotOwnAX
	ownAX  bool
	masked bool   // Go is to look at its elements
	counts bool   // it is one of these, not of events
	length uint32 // of the access or instruction, less one
	key    [2]uint32
	set    [2]uint32
	second int // host offset of the jump's field for the second line, 0 for none
}

// shape is how sets of a cache are found: an address is shifted left, or right if shift is negative, and masked.
func shape(c *tool.Cache) (shift int, mask uint32) {
	set := 3 + bits.TrailingZeros(uint(c.Stride()))
	return set - bits.TrailingZeros(uint(c.Line)), uint32(c.Sets-1) << set
}

// dataMiss emits the comparison of an access's address with the line last used in its set.
func (t *Translator) dataMiss(i int, ann *tool.Ann) {
	in := &t.tr.insts[i]
	acc := &t.block.Insts[i].Mem[ann.Mem]
	a := &t.hot
	d := t.cfg.Caches.Data
	size := min(int(acc.Size), d.Limit)
	p, v := t.eventRegs(i)
	s := missStub{v: v, p: p, flags: in.live != 0, counts: true, length: uint32(size - 1)}
	s.ownAX = s.flags && p != rax
	t.counts = true
	a.store(spill(slotEvent), p)
	a.store(spill(slotValue), v)
	t.eventAddr(in, acc, p, v)
	if s.flags {
		if s.ownAX {
			a.store(spill(slotOwnAX), rax)
		}
		a.saveFlags()
	}
	a.setOffset(d, p, v)
	a.op(0, true, 0x03, v, at(p, int32(d.Start)), 0, false) // add: the tag is the negated address of a line
	a.alu64(aluCmp, v, int32(d.Line-size))
	const ccA = 7
	cold := coldStub{kind: coldMiss, inst: i, access: ann.Mem, event: uint32(ann.Ptr), recover: -1}
	cold.site = a.jcc(ccA, 0)
	cold.resume = a.pos
	a.endMiss(&s)
	if acc.Elem != 0 {
		s.masked = true
		cold.resume = a.pos
	}
	cold.miss = s
	t.tr.colds = append(t.tr.colds, cold)
	t.point(in.pc, false, [3]uint8{})
}

// endMiss emits the end of dataMiss: registers and flags are the guest's again.
func (a *asm) endMiss(s *missStub) {
	if s.flags {
		a.loadFlags()
		if s.ownAX {
			a.load(rax, spill(slotOwnAX))
		}
	}
	a.load(s.v, spill(slotValue))
	a.load(s.p, spill(slotEvent))
}

// inlineMiss reports whether an access is looked up in line. Of one that is made element by element, that is all elements; if one
// of them is missing, Go finds out what is really touched.
func inlineMiss(in *inst, acc *amd64.Access) bool {
	whole := *acc
	whole.Elem = 0
	return inlineAddr(in, &whole)
}

// saveFlags and loadFlags keep flags in slotLahf, through rax.
func (a *asm) saveFlags() {
	a.flagsToAX()
	a.store(spill(slotLahf), rax)
}

func (a *asm) loadFlags() {
	a.load(rax, spill(slotLahf))
	a.flagsFromAX()
}

// codeMiss emits the comparison of an instruction's code lines with those last used in their sets.
func (t *Translator) codeMiss(i int, ann *tool.Ann) {
	in := &t.tr.insts[i]
	a := &t.hot
	c := t.cfg.Caches.Code
	first, last := in.pc/uint64(c.Line), (in.pc+uint64(in.Len)-1)/uint64(c.Line)
	if ann.Same {
		if first == last {
			return
		}
		first = last
	}
	t.counts = true
	stub := coldStub{kind: coldFetch, inst: i, event: uint32(ann.Ptr), recover: -1}
	stub.miss.length = uint32(in.Len - 1)
	if in.live != 0 {
		a.store(spill(slotFlags), rcx)
	}
	for l := first; l <= last; l++ {
		k := l - first
		key, set := t.codeKey(l), uint32(l&uint64(c.Sets-1))*uint32(8*c.Stride())
		stub.miss.key[k], stub.miss.set[k] = key, set
		m := mem{base: noReg, index: noReg, disp: int32(c.Start) + int32(set)}
		var site int
		if in.live == 0 {
			a.op(0, true, 0x81, aluCmp, m, 4, false)
			a.u32(key)
			site = a.jcc(ccNE, 0)
		} else {
			a.load(rcx, m)
			a.lea(rcx, at(rcx, -int32(key)))
			a.b2(0xe3, 5) // jrcxz over the jump
			site = a.jmp(0)
		}
		if k == 0 {
			stub.site = site
		} else {
			stub.miss.second = site
		}
	}
	stub.resume = a.pos
	if in.live != 0 {
		a.load(rcx, spill(slotFlags))
	}
	t.tr.colds = append(t.tr.colds, stub)
	t.point(in.pc, false, [3]uint8{})
}

// codeKey is the tag of the code line with this number.
func (t *Translator) codeKey(line uint64) uint32 {
	k, ok := t.codeKeys[line]
	if !ok {
		k = uint32(len(t.codeKeys)) + 1
		t.codeKeys[line] = k
	}
	return k
}

// emitMissStub emits the out-of-line part of dataMiss or codeMiss.
func (t *Translator) emitMissStub(c *coldStub) {
	if c.miss.second != 0 {
		t.hot.patch(c.miss.second, t.cold.pos)
	}
	hot := t.hot
	t.hot = t.cold // what is shared with straight code writes there
	a := &t.hot
	s := &c.miss
	routine := t.misses.data
	switch {
	case s.masked:
		a.endMiss(s)
		t.leaveForEvent(a, c)
		t.cold.pos = a.pos
		t.hot = hot
		return
	case c.kind == coldMiss:
		if s.ownAX {
			a.load(rax, spill(slotOwnAX)) // the address is computed from it
		}
		t.eventAddr(&t.tr.insts[c.inst], &t.block.Insts[c.inst].Mem[c.access], s.p, s.v)
		a.store(spill(slotAddr), s.v)
	default:
		routine = t.misses.code
		pc := t.tr.insts[c.inst].pc
		a.storeImm32(spill(slotAddr), uint32(pc))
		a.storeImm32(upper(slotAddr), uint32(pc>>32))
		a.storeImm32(spill(slotKey), s.key[0])
		a.storeImm32(upper(slotKey), s.set[0])
		if s.second != 0 {
			routine = t.misses.codes
			a.storeImm32(spill(slotNext), s.key[1])
			a.storeImm32(upper(slotNext), s.set[1])
		}
	}
	a.storeImm32(upper(slotCounter), s.length)
	a.storeImm32(spill(slotCounter), c.event)
	a.storeImm(spill(slotT), int32(t.base)+int32(c.resume))
	a.jmp(routine)
	t.cold.pos = a.pos
	t.hot = hot
}

// emitMisses emits the shared routines. All registers and flags are kept, but that of data overwrites the flags.
func (t *Translator) emitMisses() {
	if t.cfg.Caches.Data == nil {
		return
	}
	t.codeKeys = map[uint64]uint32{}
	m := &t.misses
	t.emitMissRoutine(&m.data, false, func(a *asm) { a.useLines(t.cfg.Caches.Data) })
	for n, routine := range []*int{&m.code, &m.codes} {
		t.emitMissRoutine(routine, true, func(a *asm) {
			for _, slot := range []int{slotKey, slotNext}[:n+1] {
				a.op(0, false, 0x8b, rcx, spill(slot), 0, false)
				a.op(0, false, 0x8b, rdx, upper(slot), 0, false)
				a.useLine(t.cfg.Caches.Code)
			}
		})
	}
}

// upper is the upper half of a spill slot.
func upper(slot int) mem {
	m := spill(slot)
	m.disp += 4
	return m
}

// emitMissRoutine emits a routine around use, which sets slotMissing if a line is missing. flags says that the flags are live.
func (t *Translator) emitMissRoutine(start *int, flags bool, use func(a *asm)) {
	a := &t.hot
	a.pos = (a.pos + 15) &^ 15
	*start = a.pos
	a.store(spill(slotA), rax)
	if flags {
		a.saveFlags()
	}
	a.store(spill(slotF), rbx)
	a.store(spill(slotRCX), rcx)
	a.store(spill(slotRDX), rdx)
	var there [2]int
	for level := range there {
		a.storeImm32(spill(slotMissing), 0)
		if level == 0 {
			use(a)
		} else {
			a.useLines(t.cfg.Caches.Last)
		}
		a.op(0, false, 0x83, aluCmp, spill(slotMissing), 1, false)
		a.b1(0)
		there[level] = a.jcc(ccE, 0)
		a.op(0, false, 0x8b, rax, spill(slotCounter), 0, false)
		a.op(0, true, 0xff, 0, at(rax, int32(8*level)), 0, false) // inc
	}
	for _, site := range there {
		a.patch(site, a.pos)
	}
	a.load(rdx, spill(slotRDX))
	a.load(rcx, spill(slotRCX))
	a.load(rbx, spill(slotF))
	if flags {
		a.loadFlags()
	}
	a.load(rax, spill(slotA))
	a.op(0, false, 0xff, 4, spill(slotT), 0, false) // jmp *slotT
}

// useLines emits the use of the one or two lines of the access that slotAddr and slotCounter describe.
func (a *asm) useLines(c *tool.Cache) {
	use := func() {
		a.setOffset(c, rdx, rcx)
		if c.Start > 0x7fffffff {
			a.movImm(rax, uint64(c.Start))
			a.alu(0x01, rdx, rax) // add
		}
		a.alu64(aluAnd, rcx, -int32(c.Line))
		a.bytes(0x48, 0xf7, 0xd9) // neg %rcx
		a.useLine(c)
	}
	a.load(rcx, spill(slotAddr))
	use()
	a.load(rcx, spill(slotAddr))
	a.op(0, false, 0x8b, rax, upper(slotCounter), 0, false)
	a.alu(0x01, rcx, rax) // add: the last byte
	a.movReg(rax, rcx)
	a.op(0, true, 0x33, rax, spill(slotAddr), 0, false) // xor
	a.alu64(aluAnd, rax, -int32(c.Line))
	one := a.jcc(ccE, 0)
	use()
	a.patch(one, a.pos)
}

// useLine emits the search for a line: it becomes the first of its set, and those before it, or all if it was missing, move by one. rcx
// has the tag and rdx the offset of the set, or its address if the model is beyond 2 GB. rax, rbx, rcx, rdx are overwritten.
func (a *asm) useLine(c *tool.Cache) {
	start := int32(0)
	if c.Start <= 0x7fffffff {
		start = int32(c.Start)
	}
	var there []int
	before, tag := uint8(rcx), uint8(rax)
	next := func(i int) {
		m := at(rdx, start+int32(8*i))
		a.load(tag, m)
		a.store(m, before)
		a.b1(0x48)
		a.b2(0x39, 0xc0|rcx<<3|tag) // cmp %rcx, tag
		there = append(there, a.jcc(ccE, 0))
	}
	if c.Ways <= unrolled {
		for i := range c.Ways {
			next(i)
			if i == 0 {
				before, tag = rax, rbx
			} else {
				before, tag = tag, before
			}
		}
	} else {
		a.lea(rax, at(rdx, int32(8*c.Ways)))
		a.store(spill(slotEnd), rax)
		a.movReg(rbx, rcx)
		before = rbx
		loop := a.pos
		next(0)
		a.movReg(rbx, rax)
		a.lea(rdx, at(rdx, 8))
		a.op(0, true, 0x3b, rdx, spill(slotEnd), 0, false) // cmp
		a.jcc(ccNE, loop)
	}
	a.storeImm32(spill(slotMissing), 1)
	for _, at := range there {
		a.patch(at, a.pos)
	}
}

// setOffset: p = offset of the set of the address in v.
func (a *asm) setOffset(c *tool.Cache, p, v uint8) {
	shift, mask := shape(c)
	a.op32(p, v)
	if p >= 8 {
		a.b1(0x41)
	}
	if shift >= 0 {
		a.bytes(0xc1, 0xe0|p&7, byte(shift)) // shl
	} else {
		a.bytes(0xc1, 0xe8|p&7, byte(-shift)) // shr
	}
	if p >= 8 {
		a.b1(0x41)
	}
	a.b2(0x81, 0xe0|p&7) // and
	a.u32(mask)
}

// Operations of opcode 81.
const (
	aluAnd = 4
	aluSub = 5
	aluCmp = 7
)

// alu64: the operation on r and imm, 64 bits.
func (a *asm) alu64(op, r uint8, imm int32) {
	a.b1(0x48 | r>>3)
	if imm >= -128 && imm <= 127 {
		a.bytes(0x83, 0xc0|op<<3|r&7, byte(imm))
		return
	}
	a.b2(0x81, 0xc0|op<<3|r&7)
	a.u32(uint32(imm))
}
