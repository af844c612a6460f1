package jit

import (
	"encoding/binary"
	"errors"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

var (
	errSegString = errors.New("fs or gs prefix on an implicit operand")
	errVSIB32    = errors.New("segment base with 32-bit vector addressing")
)

// hasBMI2: rorx computes the table index of an indirect branch without touching flags; without it the low bits serve.
var hasBMI2 = vcpu.HasBMI2()

// l1Shift drops the address bits that function entries have in common.
var l1Shift = func() uint64 {
	if hasBMI2 {
		return 4
	}
	return 0
}()

func putLE32(b []byte, x uint32) { binary.LittleEndian.PutUint32(b, x) }

// redZone is the memory below the stack pointer that belongs to the function (System V ABI for AMD64, 3.2.2).
const redZone = 128

// undefined is the shadow of four bytes that nothing was stored to (package shadow).
const undefined = 0xffffffff

// stackInline is the largest change of the stack pointer, in bytes, that is marked by inline stores.
const stackInline = 128

// stackSwitch is the largest change of the stack pointer that is not taken for a change of stacks, by default: behind it nothing is marked.
const stackSwitch = 2 << 20 // --max-stackframe's default, 2,000,000, in whole pages

// What to do behind an instruction that changes the stack pointer.
type afterOp struct {
	kind  uint8
	delta int32
	keep  bool // the code that follows reads what is released: readsBelow
}

const (
	afterNone uint8 = iota
	afterDelta
	afterUnknown
)

// lower emits one annotation in front of instruction i, or notes what belongs behind it.
func (t *Translator) lower(i int, ann *tool.Ann) {
	switch {
	case ann.Behind:
		t.later = append(t.later, *ann)
		return
	case ann.Taken:
		t.tr.taken = append(t.tr.taken, *ann)
		return
	}
	if t.once && ann.Op >= tool.OpCount {
		t.lowerAgain(ann)
		return
	}
	switch ann.Op {
	case tool.OpCheck:
		mv := &t.tr.insts[i].move
		if t.ver != verStep && mv.checked() { // the tool has looked at all that a step does
			t.lowerCheck(i, ann.Mem)
			if t.rep >= 0 {
				t.tr.colds[t.rep].next = t.hot.pos
			}
		}
	case tool.OpDefine:
		mv := &t.tr.insts[i].move
		mv.own = true
		if t.ver != verStep && (mv.kind == moveNone || mv.needs()) {
			t.lowerDefine(i, ann.Mem)
		}
	case tool.OpReturn:
		if t.ver != verStep {
			t.lowerReturn(&t.tr.insts[i])
		}
	case tool.OpStack:
		t.lowerStack(i)
	case tool.OpCount:
		t.lowerCount(t.tr.insts[i].live, ann)
	case tool.OpDataMiss, tool.OpCodeMiss:
		if t.tr.insts[i].alone {
			t.events = append(t.events, *ann)
		}
	case tool.OpEvent, tool.OpEventAddr, tool.OpEventRounds:
		t.events = append(t.events, *ann)
	}
}

// lowerCheck compares the shadow of an access with 0 and leaves to Go when it is something else: bytes that may not be accessed or,
// of loads, undefined ones. A store that finds nothing but undefined bytes makes them defined and goes on.
func (t *Translator) lowerCheck(i, k int) {
	in := &t.tr.insts[i]
	acc := &t.block.Insts[i].Mem[k]
	from, to, onStack := t.frame.slotOf(in, acc)
	if onStack && t.ver == verFast && t.reliesOn(i, t.frame.has(from, to)) {
		return
	}
	m, reg, ok := t.shadowOperand(in, acc)
	elsewhere := !ok && computed(acc)
	if !ok && !elsewhere {
		return
	}
	a := &t.hot
	if ok && reg < 0 && t.ver == verFast && t.cfg.Steps && !t.once {
		if onStack {
			t.frame.add(from, to, i)
		} else if o, ok := operandOf(in, acc, &m, i); ok {
			if t.reliesOn(i, t.passed.has(&o)) {
				return
			}
			n := t.widen(&o, i, acc)
			t.passed.add(o)
			if n > 0 {
				t.checkWide(i, m, &o, n)
				return
			}
		}
	}
	first := len(t.tr.colds)
	if elsewhere || acc.Cond && in.Pfx&(amd64.PfxF2|amd64.PfxF3) != 0 && acc.Addr != amd64.AddrModRM {
		// Go computes the address, or checks the whole range of rep.
		if n := repOf(in); n >= 0 && t.rep < 0 {
			t.lowerRep(i, n)
			first = len(t.tr.colds)
		}
		site := a.jmp(0)
		t.tr.colds = append(t.tr.colds, coldStub{kind: coldCheck, site: site, inst: i, access: k, recover: -1})
	} else {
		kind := uint8(coldCheck)
		if acc.Kind == isa.Store && !acc.Cond {
			kind = coldDefine
		}
		t.checkZero(kind, i, k, m, int(acc.Size), reg < 0)
	}
	for j := first; j < len(t.tr.colds); j++ {
		t.tr.colds[j].resume = a.pos
	}
	if reg >= 0 {
		a.load(uint8(reg), spill(0))
		t.point(in.pc, false, [3]uint8{})
	}
}

// reliesOn notes that instruction i needs no check because of instruction by; it reports false if by is negative.
func (t *Translator) reliesOn(i, by int) bool {
	if by < 0 {
		return false
	}
	t.tr.relies(i, by)
	t.tr.insts[by].relied = true
	return true
}

// computed reports whether acc, which shadowOperand leaves out, is looked at in Go: gathers and scatters, bit strings, operands with
// a segment, the areas of XSAVE. What remains is the stack protector's value.
func computed(acc *amd64.Access) bool {
	return acc.Size == 0 || acc.Outside || acc.Addr != amd64.AddrModRM
}

// stackCanary is where the System V ABI of Linux keeps the stack protector's value, from FS: it is read all the time and never
// undefined.
const stackCanary = 0x28

// shadowOperand is access acc as an operand; ok is false for those that are not looked at. If it takes a scratch register, that
// register is spilled to slot 0 and returned.
func (t *Translator) shadowOperand(in *inst, acc *amd64.Access) (m mem, reg int, ok bool) {
	if acc.Outside {
		return m, -1, false
	}
	switch acc.Addr {
	case amd64.AddrModRM:
		if acc.Size == 0 || in.Seg == amd64.SegFS && in.Base == amd64.NoReg && in.Index == amd64.NoReg && in.Disp == stackCanary {
			return m, -1, false
		}
		m, reg = t.operand(in, 0)
		if m.base == rsp {
			m.disp += int32(in.BeforePop())
		}
		return m, reg, true
	case amd64.AddrRSI:
		return at(rsi, 0), -1, in.Seg < amd64.SegFS
	case amd64.AddrRDI:
		return at(rdi, 0), -1, true
	case amd64.AddrRBP:
		return at(rbp, 0), -1, true
	case amd64.AddrPop:
		return at(rsp, 0), -1, true
	case amd64.AddrPush:
		return at(rsp, -int32(acc.Size)), -1, true
	}
	return m, -1, false
}

// lowerDefine makes the shadow of a store defined without a look at it: that of a store to the own stack frame.
func (t *Translator) lowerDefine(i, k int) {
	in := &t.tr.insts[i]
	acc := &t.block.Insts[i].Mem[k]
	m, reg, ok := t.shadowOperand(in, acc)
	if !ok {
		return
	}
	if from, to, ok := t.frame.slotOf(in, acc); ok {
		t.frame.add(from, to, i)
	}
	a := &t.hot
	m.seg = segGS
	for off, size := 0, int(acc.Size); off < size; {
		n := piece(size - off)
		p := m
		p.disp += int32(off)
		p.target += uint64(off)
		t.recoverable()
		t.hot.defined(p, n)
		t.recover.last().to = uint32(a.pos)
		off += n
	}
	if reg >= 0 {
		a.load(uint8(reg), spill(0))
		t.point(in.pc, false, [3]uint8{})
	}
}

// piece is the widest piece, in bytes, that the first n shadow bytes are handled in.
func piece(n int) int {
	switch {
	case n >= 8:
		return 8
	case n >= 4:
		return 4
	case n >= 2:
		return 2
	}
	return 1
}

// compare compares the n bytes at m with imm, which is extended to them with its sign.
func (a *asm) compare(m mem, n int, imm byte) {
	switch n {
	case 8:
		a.op(0, true, 0x83, aluCmp, m, 1, false)
	case 4:
		a.op(0, false, 0x83, aluCmp, m, 1, false)
	case 2:
		a.op(0x66, false, 0x83, aluCmp, m, 1, false)
	default:
		a.op(0, false, 0x80, aluCmp, m, 1, false)
	}
	a.b1(imm)
}

// defined stores 0 to the n bytes at m.
func (a *asm) defined(m mem, n int) {
	switch n {
	case 8:
		a.storeImm(m, 0)
	case 4:
		a.storeImm32(m, 0)
	case 2:
		a.op(0x66, false, 0xc7, 0, m, 2, false)
		a.b2(0, 0)
	default:
		a.op(0, false, 0xc6, 0, m, 1, false)
		a.b1(0)
	}
}

// emitCheckStub emits the way to Go for a check that has failed.
func (t *Translator) emitCheckStub(c *coldStub) {
	a := &t.cold
	if c.recover >= 0 {
		t.recover.at(uint32(c.recover)).to = uint32(a.pos)
	}
	if c.spilled {
		a.load(rcx, spill(slotFlags))
	}
	if c.again > 0 {
		t.emitAgain(a, c.again-1)
	}
	rec := check{pc: t.tr.insts[c.inst].pc, resume: uint32(c.resume), mem: uint8(c.access), relied: t.tr.insts[c.inst].relied}
	if c.kind == coldCheck && t.linkable(&t.tr.insts[c.inst]) {
		a.alignField(1)
		site := a.jmp(0)
		a.patch(site, a.pos)
		rec.frag, rec.site, rec.stub = t.tr.frag, uint32(site), uint32(a.pos)
	}
	if t.clocked() { // the rest of what it lacks, as for others who go on in Go
		n := t.tr.insts[c.inst].clock.phase - t.tr.insts[c.inst].clock.tick
		rec.lacks = int16(n)
		t.emitInto(a, func() { t.lowerTick(arithFlags, n) })
	}
	t.checks.add(rec)
	a.leave(t, vcpu.ExitCheck, uint32(t.checks.n-1))
}

// emitDefineStub emits what a store does whose shadow is not all 0. Where the flags may be overwritten it makes undefined bytes that do not
// lie below the stack pointer defined itself; a shared routine looks at all else. rcx is spilled when flags are live.
func (t *Translator) emitDefineStub(c *coldStub) {
	a := &t.cold
	t.hot.patch(c.site, a.pos)
	if !c.spilled {
		a.store(spill(slotFlags), rcx)
	} else if c.m.base == rcx || c.m.index == rcx {
		a.load(rcx, spill(slotFlags))
	}
	m := c.m
	m.seg = segNone
	a.lea(rcx, m)
	if !c.spilled {
		shadow := mem{seg: segGS, base: rcx, index: noReg}
		a.compare(shadow, int(c.size), 0xff)
		mixed := a.jcc(ccNE, 0)
		a.alu(0x29, rcx, rsp) // sub: negative below the stack pointer
		a.alu64(aluCmp, rcx, -redZone-stackReach)
		a.lea(rcx, mem{base: rsp, index: rcx, scale: 1})
		below := a.jcc(ccAE, 0)
		a.defined(shadow, int(c.size))
		a.load(rcx, spill(slotFlags))
		a.jmp(c.next)
		a.patch(mixed, a.pos)
		a.patch(below, a.pos)
	}
	back := a.pos + 13 + 5 // behind the store and the jump
	a.storeImm(spill(slotT), int32(t.base)+int32(back))
	a.jmp(t.stores[log2(c.size)])
	if a.pos != back {
		panic("jit: length of a helper call")
	}
	a.b2(0xe3, 9+5) // jrcxz over the reload and the jump
	a.load(rcx, spill(slotFlags))
	toGo := a.jmp(0)
	a.load(rcx, spill(slotFlags))
	a.jmp(c.next)
	a.patch(toGo, a.pos)
	c.spilled = false
	t.emitCheckStub(c)
}

// emitStores emits the shared routines for stores of 1, 2, 4 and 8 bytes, at the guest address in rcx, whose shadow is not all 0.
// Undefined bytes become defined, whole and in part, but for those of the stack below its red zone, where stores are wrong; a store to
// the red zone is noted. rcx is 0 afterwards if that was all there was to it; else the store is one for Go. slotT is where to go on,
// flags and other registers are preserved.
func (t *Translator) emitStores() {
	a := &t.hot
	for i := range t.stores {
		n := 1 << i
		a.pos = (a.pos + 15) &^ 15
		t.stores[i] = a.pos
		a.store(spill(slotA), rax)
		a.flagsToAX()
		a.store(spill(slotF), rax)
		a.store(spill(slotRDX), rdx)
		a.movReg(rdx, rcx)
		a.alu(0x29, rdx, rsp) // sub: negative below the stack pointer
		a.lea(rax, at(rdx, redZone))
		a.alu64(aluCmp, rax, -stackReach)
		below := a.jcc(ccAE, 0) // in [-stackReach, 0), as unsigned numbers
		a.alu64(aluCmp, rdx, -redZone)
		above := a.jcc(ccB, 0)
		a.lea(rax, at(rsp, -redZone))
		a.store(slot(vcpu.OffRedZone), rax)
		a.patch(above, a.pos)
		shadow := mem{seg: segGS, base: rcx, index: noReg}
		a.loadPiece(rdx, shadow, n)
		a.testNoAccess(rdx, rax)
		bad := a.jcc(ccNE, 0)
		a.defined(shadow, n)
		a.bytes(0x31, 0xc9) // xor %ecx, %ecx
		end := a.pos
		a.load(rdx, spill(slotRDX))
		a.load(rax, spill(slotF))
		a.flagsFromAX()
		a.load(rax, spill(slotA))
		a.op(0, false, 0xff, 4, spill(slotT), 0, false) // jmp *slotT
		a.patch(below, a.pos)
		a.patch(bad, a.pos)
		a.movImm(rcx, 1)
		a.jmp(end)
	}
}

// lowerReturn makes the red zone of the function that returns undefined, if it has been used.
func (t *Translator) lowerReturn(in *inst) {
	a := &t.hot
	stub := coldStub{kind: coldRedZone, spilled: in.live != 0}
	if stub.spilled {
		a.store(spill(slotFlags), rcx)
		a.load(rcx, slot(vcpu.OffRedZone))
		a.b2(0xe3, 5) // jrcxz over the jump
		stub.site = a.jmp(0)
	} else {
		a.op(0, true, 0x83, aluCmp, slot(vcpu.OffRedZone), 1, false)
		a.b1(0)
		stub.site = a.jcc(ccNE, 0)
	}
	stub.resume = a.pos
	if stub.spilled {
		a.load(rcx, spill(slotFlags))
	}
	t.tr.colds = append(t.tr.colds, stub)
}

// emitRedZoneStub emits what a return does whose function has stored to its red zone. The frame above it has been released by now; if
// not, another function has been jumped to since, and the memory is part of its frame.
func (t *Translator) emitRedZoneStub(c *coldStub) {
	a := &t.cold
	t.hot.patch(c.site, a.pos)
	if c.spilled { // rcx has the address
		a.store(spill(slotA), rax)
		a.flagsToAX()
	} else {
		a.store(spill(slotFlags), rcx)
		a.load(rcx, slot(vcpu.OffRedZone))
	}
	a.alu64(aluSub, rcx, -redZone)
	a.bytes(0x48, 0x39, 0xe1) // cmp %rsp, %rcx
	skip := a.jcc(ccA, 0)
	for off := int32(-redZone); off < 0; off += 8 {
		a.storeImm(mem{seg: segGS, base: rcx, index: noReg, disp: off}, -1)
	}
	a.patch(skip, a.pos)
	a.storeImm(slot(vcpu.OffRedZone), 0)
	if c.spilled {
		a.flagsFromAX()
		a.load(rax, spill(slotA))
	} else {
		a.load(rcx, spill(slotFlags))
	}
	a.jmp(c.resume)
}

// stackReach is how far below the stack pointer stores are taken for wrong ones to the stack: as far as a stack usually goes.
const stackReach = 8 << 20

// recoverable notes that the host instruction emitted next is an annotation's access that may fault.
func (t *Translator) recoverable() { t.recover.add(recovery{at: uint32(t.hot.pos)}) }

// mark makes 4 bytes (wide: 8) of the stack at off from the stack pointer undefined.
func (t *Translator) mark(off int32, wide bool) {
	a := &t.hot
	m := mem{seg: segGS, base: rsp, index: noReg, disp: off}
	t.recoverable()
	if wide {
		a.storeImm(m, -1)
	} else {
		a.storeImm32(m, undefined)
	}
	t.recover.last().to = uint32(a.pos)
}

// checkZero emits comparisons of the size shadow bytes at m with 0, in the widest pieces, and jumps to cold stubs of the given kind.
// guests says that all registers are the guest's.
func (t *Translator) checkZero(kind uint8, i, k int, m mem, size int, guests bool) {
	a := &t.hot
	m.seg = segGS
	again := -1
	flagsLive := t.tr.insts[i].live != 0 && !t.isSlotJump(i)
	if flagsLive && guests {
		if again = t.againAt(i); again >= 0 {
			flagsLive = false
			t.tr.relies(i, again)
		}
	}
	for off := 0; off < size; {
		n := piece(size - off)
		p := m
		p.disp += int32(off)
		p.target += uint64(off)
		if flagsLive {
			a.store(spill(slotFlags), rcx)
			t.recoverable()
			switch n {
			case 8:
				a.load(rcx, p)
			case 4:
				a.op(0, false, 0x8b, rcx, p, 0, false)
			case 2:
				a.op(0, false, map0F|0xb7, rcx, p, 0, false)
			case 1:
				a.op(0, false, map0F|0xb6, rcx, p, 0, false)
			}
			a.b2(0xe3, 5) // jrcxz over the jump
			site := a.jmp(0)
			a.load(rcx, spill(slotFlags))
			t.tr.colds = append(t.tr.colds, coldStub{kind: kind, site: site, inst: i, access: k, spilled: true,
				recover: t.recover.n - 1, size: uint8(n), m: p, next: a.pos})
		} else {
			t.recoverable()
			a.compare(p, n, 0)
			site := a.jcc(ccNE, 0)
			t.tr.colds = append(t.tr.colds, coldStub{kind: kind, site: site, inst: i, access: k, again: again + 1,
				recover: t.recover.n - 1, size: uint8(n), m: p, next: a.pos})
		}
		off += n
	}
	if again >= 0 {
		t.emitAgain(a, again)
	}
}

// lowerStack marks what an instruction that writes the stack pointer releases. What lies below the stack pointer is undefined at any
// time, but for what a function has stored to its red zone (lowerReturn): it was made so when the stack was new (memcheck), or is
// when it is released, so that there is nothing to do when it is allocated.
func (t *Translator) lowerStack(i int) {
	a, in := &t.hot, &t.tr.insts[i]
	delta, known := stackDelta(in)
	switch {
	case in.flow == flowRet:
		if n := in.popped(); n <= stackInline && n&3 == 0 && !(t.isDirty() && in.returns()) {
			t.release(0, n)
		}
	case in.flow == flowCall || in.flow == flowCallInd:
	case known && delta <= 0:
	case known && delta <= stackInline && delta&3 == 0:
		t.behind = afterOp{afterDelta, delta, t.readsBelow(i)}
	case in.Space == amd64.SpLegacy && in.Map == 0 && in.Op == 0x8b && in.HasMem: // from a context: coroutines, goroutines
	case in.Row.Sem == isa.AluAnd && in.Imm < 0 && in.ModRM >= 0xc0 && in.ImmLen != 0: // alignment: it goes down
	default:
		a.store(spill(slotSP), rsp)
		t.behind = afterOp{kind: afterUnknown, keep: t.readsBelow(i)}
	}
}

// release marks n bytes of the stack at off from the stack pointer, n a multiple of 4.
func (t *Translator) release(off, n int32) {
	for ; n >= 8; n -= 8 {
		t.mark(off, true)
		off += 8
	}
	if n > 0 {
		t.mark(off, false)
	}
}

// stackDelta is the constant that an instruction adds to the stack pointer.
func stackDelta(in *inst) (int32, bool) {
	if in.Space != amd64.SpLegacy || in.Pfx&amd64.Pfx66 != 0 {
		return 0, false
	}
	isRSP := in.ModRM >= 0xc0 && in.ModRM&7 == rsp && in.Rex&1 == 0 && in.W == 1
	switch {
	case in.Map == 0 && in.Op >= 0x50 && in.Op <= 0x57, in.Map == 0 && (in.Op == 0x68 || in.Op == 0x6a || in.Op == 0x9c),
		in.Map == 0 && in.Op == 0xff && in.ModRM>>3&7 == 6:
		return -8, true
	case in.Map == 0 && in.Op >= 0x58 && in.Op <= 0x5f:
		return 8, in.Op&7 != rsp || in.Rex&1 != 0
	case in.Map == 0 && (in.Op == 0x8f && in.HasMem || in.Op == 0x9d):
		return 8, true
	case in.Map == 0 && (in.Op == 0x81 || in.Op == 0x83) && isRSP:
		switch in.ModRM >> 3 & 7 {
		case 0:
			return int32(in.Imm), true
		case 5:
			return -int32(in.Imm), in.Imm != -1<<31
		}
	case in.Map == 0 && in.Op == 0x8d && in.W == 1 && in.ModRM>>3&7 == rsp && in.Rex&4 == 0 && in.Base == rsp && in.Index == noReg:
		return int32(in.Disp), true
	}
	return 0, false
}

// emitBehind emits what lowerStack asked for behind the instruction.
func (t *Translator) emitBehind() {
	op := t.behind
	t.behind = afterOp{}
	switch {
	case op.kind == afterDelta && op.keep:
		t.keepBelow(func() {
			if n := op.delta - redZone; n > 0 {
				t.release(-n, n)
			}
		})
	case op.kind == afterDelta:
		t.release(-op.delta, op.delta)
	case op.keep:
		t.keepBelow(t.callMoveStack)
	default:
		t.callMoveStack()
	}
}

func (t *Translator) callMoveStack() {
	a := &t.hot
	back := a.pos + 13 + 5 // behind the store and the jump
	a.storeImm(spill(slotT), int32(t.base)+int32(back))
	a.jmp(t.moveStack)
	if a.pos != back {
		panic("jit: length of a helper call")
	}
}

// emitMoveStack emits the shared routine for changes of the stack pointer that are not constants: slotSP holds the old value,
// slotT where to go on. Registers and flags are preserved.
func (t *Translator) emitMoveStack() {
	a := &t.hot
	cond := func(cc byte) int { a.b2(0x70|cc, 0); return a.pos - 1 }
	fix := func(at int) { a.buf[at] = byte(a.pos - at - 1) }
	const ccB, ccAE, ccE, ccA = 2, 3, 4, 7
	a.pos = (a.pos + 15) &^ 15
	t.moveStack = a.pos
	a.store(spill(slotA), rax)
	a.flagsToAX()
	a.store(spill(slotF), rax)
	a.store(spill(slotRCX), rcx)
	a.store(spill(slotRDX), rdx)
	a.load(rcx, spill(slotSP)) // old
	a.movReg(rdx, rsp)         // new
	a.bytes(0x48, 0x39, 0xca)  // cmp %rcx, %rdx
	grown := a.jcc(ccB, 0)
	a.bytes(0x48, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff) // mov $-1, %rax
	a.bytes(0x48, 0x87, 0xca)                         // xchg %rcx, %rdx: rdx = old is the lower end now
	// A stack of the guest's own that ends between the two is left or entered.
	own := int32(t.base) + ownOff
	a.bytes(0x48, 0x81, 0x3c, 0x25) // cmpq $0, own
	a.u32(uint32(own))
	a.u32(0)
	none := cond(ccE)
	a.b1(0xb8) // mov $own, %eax
	a.u32(uint32(own))
	next := a.pos
	a.op(0, true, 0x3b, rdx, at(rax, 0), 0, false) // cmp (%rax), %rdx
	below := cond(ccAE)
	a.op(0, true, 0x3b, rcx, at(rax, 0), 0, false) // cmp (%rax), %rcx
	other := a.jcc(ccAE, 0)
	fix(below)
	a.bytes(0x48, 0x83, 0xc0, 8)                 // add $8, %rax
	a.op(0, true, 0x83, 7, at(rax, 0), 1, false) // cmpq $0, (%rax)
	a.b1(0)
	a.b2(0x75, byte(next-(a.pos+2)))                  // jne next
	a.bytes(0x48, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff) // mov $-1, %rax
	fix(none)
	// [rdx, rcx) in steps of 8, unless it is too big to be one frame or not aligned.
	a.bytes(0x48, 0x29, 0xd1) // sub %rdx, %rcx
	a.bytes(0x48, 0x81, 0xf9) // cmp $limit, %rcx
	a.u32(t.cfg.StackSwitch)
	big := a.jcc(ccA, 0)
	a.bytes(0x48, 0xc1, 0xe9, 3) // shr $3, %rcx
	// Much is stored by vectors of 16 bytes, four at a time: frames with buffers of a page are common.
	const wideFrom = 16
	ones := func(opc byte) { // movups between xmm0 and its slot
		a.op(0, false, map0F|int(opc), 0, slot(vcpu.OffVec0), 0, false)
	}
	a.alu64(aluCmp, rcx, wideFrom)
	narrow := cond(ccB)
	ones(0x11)
	a.bytes(0x66, 0x0f, 0x76, 0xc0) // pcmpeqd %xmm0, %xmm0
	wide := a.pos
	for off := int32(0); off < 64; off += 16 {
		a.op(0, false, map0F|0x11, 0, mem{seg: segGS, base: rdx, index: noReg, disp: off}, 0, false)
	}
	t.moveWide = [3]int{wide, a.pos}
	a.bytes(0x48, 0x83, 0xc2, 64) // add $64, %rdx
	a.bytes(0x48, 0x83, 0xe9, 8)  // sub $8, %rcx
	a.alu64(aluCmp, rcx, 8)
	a.b2(0x70|ccAE, byte(wide-(a.pos+2)))
	ones(0x10)
	a.b2(0xeb, 0)
	over := a.pos - 1
	t.moveWide[2] = a.pos // a store has faulted
	ones(0x10)
	fault := a.jmp(0)
	fix(over)
	fix(narrow)
	loop := a.pos
	done := a.pos + 1
	a.b2(0xe3, 0) // jrcxz
	t.moveStore = a.pos
	a.op(0, true, 0x89, rax, mem{seg: segGS, base: rdx, index: noReg}, 0, false)
	a.bytes(0x48, 0x83, 0xc2, 8) // add $8, %rdx
	a.bytes(0x48, 0xff, 0xc9)    // dec %rcx
	a.b2(0xeb, byte(loop-(a.pos+2)))
	a.buf[done] = byte(a.pos - done - 1)
	for _, site := range [3]int{big, other, grown} {
		a.patch(site, a.pos)
	}
	t.moveEnd = a.pos
	a.patch(fault, a.pos)
	a.load(rdx, spill(slotRDX))
	a.load(rcx, spill(slotRCX))
	a.load(rax, spill(slotF))
	a.flagsFromAX()
	a.load(rax, spill(slotA))
	a.op(0, false, 0xff, 4, spill(slotT), 0, false)
	t.moveLeave = a.pos
	a.leave(t, vcpu.ExitInterrupt, 0)
}

// MovingStack reports whether host address h is in the shared routine that marks a piece of stack, which may take a million
// instructions. The routine then comes back with ExitInterrupt as soon as it is through, and after is where it was to go on.
func (t *Translator) MovingStack(h uintptr, c *vcpu.Context) (after uintptr, ok bool) {
	off := int64(h) - int64(t.base)
	if off < int64(t.moveStack) || off >= int64(t.moveLeave) {
		return 0, false
	}
	after = uintptr(c.Spill[slotT])
	c.Spill[slotT] = t.base + uint64(t.moveLeave)
	return after, true
}
