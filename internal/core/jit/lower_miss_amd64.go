package jit

import (
	"math/bits"

	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// Accesses and instructions use models of caches (tool.Caches). In line, an access is compared with the line that its set has used
// last, as nothing changes when it is that one; nine of ten are. All others go through a shared routine, which looks through the set
// and moves the line to its front. If it was not there, the routine counts that and does the same in the last level.

// Spill slots of these beside those of events. The shared routines use slotA, slotF, slotRCX and slotRDX, too.
const (
	slotAddr    = 11         // address of the access
	slotCounter = 12         // address of the counters; in the upper half the length of the access less one
	slotLahf    = 13         // flags of a shared routine
	slotKey     = 14         // key of the code line; in the upper half the offset of its set
	slotMissing = 15         // whether a line is missing
	slotEnd     = 16         // where a set ends
	slotNext    = 17         // as slotKey, for a second line
	slotKept    = SlotRounds // flags of a group, which no repeated instruction is in
	slotOwnAX   = slotFlags
)

// unrolled is how many lines of a set are looked at without a loop.
const unrolled = 16

// missRoutines are the host offsets of the shared routines. slotT has where they go on.
type missRoutines struct {
	data, code, codes int
	locks             []int // of the prefixes of additions, which become lock prefixes when there are threads
}

// missStub is what the out-of-line part of a comparison has to know.
type missStub struct {
	unit   int   // index in Translator.units
	second int   // host offset of the jump's field for the second code line, 0 for none
	v      uint8 // register for the address
	p      uint8 // and one that may be overwritten
	flags  bool  // flags are live: in slotKept, and with ownAX the guest's rax in slotOwnAX
	ownAX  bool
	free   bool // flags may be overwritten
}

// shape is how sets of a cache are found: an address is shifted left, or right if shift is negative, and masked.
func shape(c *tool.Cache) (shift int, mask uint32) {
	set := 3 + bits.TrailingZeros(uint(c.Stride()))
	return set - bits.TrailingZeros(uint(c.Line)), uint32(c.Sets-1) << set
}

// byElement reports whether Go looks for the elements that are really touched, if not all of the access is to the line used last. Those
// of AVX-512's masks are not asked for, as the processor itself looks up all lines of the operand.
func byElement(in *inst, acc *amd64.Access) bool {
	return acc.Elem != 0 && (in.Space != amd64.SpEVEX || in.Row.Sem == isa.VCompress)
}

// inlineMiss reports whether an access is looked up in line. Of one that is made element by element, that is all elements; if one
// of them is missing, Go finds out what is really touched.
func inlineMiss(in *inst, acc *amd64.Access) bool {
	whole := *acc
	whole.Elem = 0
	return inlineAddr(in, &whole)
}

// saveFlags and loadFlags keep flags of a shared routine in slotLahf, through rax.
func (a *asm) saveFlags() {
	a.flagsToAX()
	a.store(spill(slotLahf), rax)
}

func (a *asm) loadFlags() {
	a.load(rax, spill(slotLahf))
	a.flagsFromAX()
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

// emitMissStub emits the out-of-line part of a comparison.
func (t *Translator) emitMissStub(c *coldStub) {
	hot := t.hot
	t.hot = t.cold // what is shared with straight code writes there
	u := &t.units[c.miss.unit]
	switch {
	case u.alone:
		t.endMiss(&t.hot, &c.miss)
		t.leaveForEvent(&t.hot, c)
	case u.code:
		t.emitFetchStub(c, u)
	default:
		t.emitDataStub(c, u)
	}
	t.cold.pos = t.hot.pos
	t.hot = hot
}

// emitDataStub emits what is done for u's accesses, of which some are not in the line last used.
func (t *Translator) emitDataStub(c *coldStub, u *missUnit) {
	a, s := &t.hot, &c.miss
	t.trySecond(c, u.size)
	parts := t.parts[u.parts[0]:u.parts[1]]
	for i, part := range parts {
		m := u.m
		m.disp += part.off
		m.target += uint64(part.off)
		t.address(m, s.p, s.v)
		last := i == len(parts)-1
		next := 0
		if len(parts) > 1 {
			a.store(spill(slotAddr), s.v)
			next = t.compareLine(a, s, part.size)
			// The other way round: what is in the line goes on.
			a.buf[next-1] ^= 1
		} else {
			a.store(spill(slotAddr), s.v)
		}
		a.storeImm32(upper(slotCounter), uint32(part.size)-1)
		a.storeImm32(spill(slotCounter), uint32(part.counter))
		if last {
			a.storeImm(spill(slotT), int32(t.base)+int32(c.resume))
			a.jmp(t.misses.data)
		} else {
			at := a.pos + 13 + 5 // behind the store and the jump
			a.storeImm(spill(slotT), int32(t.base)+int32(at))
			a.jmp(t.misses.data)
			if a.pos != at {
				panic("jit: length of a helper call")
			}
		}
		if next != 0 {
			if last {
				a.patch(next, c.resume)
			} else {
				a.patch(next, a.pos)
			}
		}
	}
}

// emitFetchStub emits the use of u's code lines.
func (t *Translator) emitFetchStub(c *coldStub, u *missUnit) {
	a := &t.hot
	if c.miss.second != 0 {
		a.patch(c.miss.second, a.pos)
	}
	t.trySecondCode(c, u)
	routine := t.misses.code
	in := &t.tr.insts[u.inst]
	a.storeImm32(spill(slotAddr), uint32(in.pc))
	a.storeImm32(upper(slotAddr), uint32(in.pc>>32))
	for n, slot := range []int{slotKey, slotNext}[:u.lines[1]-u.lines[0]+1] {
		l := u.lines[0] + uint64(n)
		a.storeImm32(spill(slot), t.codeKey(l))
		a.storeImm32(upper(slot), uint32(t.codeSet(l).disp)-uint32(t.cfg.Caches.Code.Start))
		if n > 0 {
			routine = t.misses.codes
		}
	}
	a.storeImm32(upper(slotCounter), uint32(in.Len-1))
	a.storeImm32(spill(slotCounter), uint32(u.counter))
	a.storeImm(spill(slotT), int32(t.base)+int32(c.resume))
	a.jmp(routine)
}

// trySecond emits the case that size bytes are in the line that their set has used before the last one: the two change places.
func (t *Translator) trySecond(c *coldStub, size int32) {
	d, s, a := t.cfg.Caches.Data, &c.miss, &t.hot
	if d.Ways < 2 {
		return
	}
	first, second := at(s.p, int32(d.Start)), at(s.p, int32(d.Start)+8)
	a.op(0, true, 0x2b, s.v, first, 0, false) // sub: the address again
	a.op(0, true, 0x03, s.v, second, 0, false)
	a.alu64(aluCmp, s.v, int32(d.Line)-size)
	other := a.jcc(ccA, 0)
	r := uint8(0)
	for r == s.p || r == s.v {
		r++
	}
	a.store(spill(slotAddr), r)
	a.load(r, first)
	a.load(s.v, second)
	a.store(first, s.v)
	a.store(second, r)
	a.load(r, spill(slotAddr))
	a.jmp(c.resume)
	a.patch(other, a.pos)
}

// trySecondCode is trySecond for one code line, where flags may be overwritten.
func (t *Translator) trySecondCode(c *coldStub, u *missUnit) {
	a := &t.hot
	if t.cfg.Caches.Code.Ways < 2 || u.lines[0] != u.lines[1] || !c.miss.free {
		return
	}
	key, first := t.codeKey(u.lines[0]), t.codeSet(u.lines[0])
	second := first
	second.disp += 8
	a.op(0, true, 0x81, aluCmp, second, 4, false)
	a.u32(key)
	other := a.jcc(ccNE, 0)
	a.store(spill(slotAddr), rcx)
	a.load(rcx, first)
	a.store(second, rcx)
	a.storeImm(first, int32(key))
	a.load(rcx, spill(slotAddr))
	a.jmp(c.resume)
	a.patch(other, a.pos)
}

// emitMisses emits the shared routines. All registers and flags are kept, but that of data overwrites the flags.
func (t *Translator) emitMisses() {
	if t.cfg.Caches.Data == nil {
		return
	}
	t.codeKeys = map[uint64]uint32{}
	m := &t.misses
	t.emitMissRoutine(&m.data, false, func(a *asm) { t.useLines(a, t.cfg.Caches.Data) })
	for n, routine := range []*int{&m.code, &m.codes} {
		t.emitMissRoutine(routine, true, func(a *asm) {
			for _, slot := range []int{slotKey, slotNext}[:n+1] {
				a.op(0, false, 0x8b, rcx, spill(slot), 0, false)
				a.op(0, false, 0x8b, rdx, upper(slot), 0, false)
				t.useLine(a, t.cfg.Caches.Code)
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
	c := &t.cfg.Caches
	vectors := t.wide(c.Data) || t.wide(c.Code) || t.wide(c.Last)
	if vectors {
		a.keepVectors(true)
	}
	var there [2]int
	for level := range there {
		a.storeImm32(spill(slotMissing), 0)
		if level == 0 {
			use(a)
		} else {
			t.useLines(a, t.cfg.Caches.Last)
		}
		a.op(0, false, 0x83, aluCmp, spill(slotMissing), 1, false)
		a.b1(0)
		there[level] = a.jcc(ccE, 0)
		a.op(0, false, 0x8b, rax, spill(slotCounter), 0, false)
		t.misses.locks = append(t.misses.locks, a.pos)
		a.b1(0x3e)                                                // ds: of no effect
		a.op(0, true, 0xff, 0, at(rax, int32(8*level)), 0, false) // inc
	}
	for _, site := range there {
		a.patch(site, a.pos)
	}
	if vectors {
		a.keepVectors(false)
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
func (t *Translator) useLines(a *asm, c *tool.Cache) {
	use := func() {
		a.setOffset(c, rdx, rcx)
		if c.Start > 0x7fffffff {
			a.movImm(rax, uint64(c.Start))
			a.alu(0x01, rdx, rax) // add
		}
		a.alu64(aluAnd, rcx, -int32(c.Line))
		a.bytes(0x48, 0xf7, 0xd9) // neg %rcx
		t.useLine(a, c)
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
func (t *Translator) useLine(a *asm, c *tool.Cache) {
	if t.wide(c) {
		a.useLineWide(c)
		return
	}
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
		a.b1(0x41) // for what comes next
	}
	switch {
	case shift > 0:
		a.bytes(0xc1, 0xe0|p&7, byte(shift)) // shl
	case shift < 0:
		a.bytes(0xc1, 0xe8|p&7, byte(-shift)) // shr
	}
	if shift != 0 && p >= 8 {
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
