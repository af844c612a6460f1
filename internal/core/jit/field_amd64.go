package jit

import (
	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// slotPartly holds V bits for the routine that looks whether shadow memory can hold them, slotNot is where it goes on if not.
const (
	slotPartly = slotValue
	slotNot    = slotAddr
	slotXor    = slotLahf
)

// emitField emits what instruction i, an operation with a constant, does to V bits.
func (t *Translator) emitField(i int) {
	tr, a := &t.tr, &t.hot
	in := &tr.insts[i]
	mv := &in.move
	f := &mv.field
	if f.op == fieldAnd || f.op == fieldOr {
		t.emitBoth(i)
		return
	}
	s := moveScratch{flags: in.live != 0, regs: mv.first}
	if mv.first {
		s.p = scratch(in, 0)
		s.q = scratch(in, 1<<s.p)
	}
	cold := t.beginMove(i, s, true)
	n := int(mv.size)
	at := slot(mv.from)
	if mv.first {
		m := t.moveOperand(in)
		t.moveChecks(in, m, s, cold)
		at = shadowAt(m, 0)
		a.loadPiece(s.p, at, n)
		a.maskPiece(s.p, n, f.mask)
	} else if f.decide {
		a.aluPiece(0xf6, 0, at, n, n)
		a.immPiece(f.mask, n)
	}
	if f.decide {
		t.fail(ccNE, cold)
	}
	switch {
	case f.op == fieldTest:
	case f.decide:
		a.defined(at, n)
	case mv.first:
		a.compareWhole(s.p, s.q)
		t.partly(s, cold)
		a.storePiece(at, s.p, n)
	case f.op == fieldShift:
		a.aluPiece(0xc0, f.shift, at, n, 1)
		a.b1(f.count)
	case f.mask != -1:
		a.aluPiece(0x80, aluAnd, at, n, n)
		a.immPiece(f.mask, n)
	}
	if !mv.first && f.op != fieldTest && n == 4 {
		a.storeImm32(slot(mv.from+4), 0)
	}
	s.restore(a)
	t.point(in.pc, false, [3]uint8{})
}

// emitBoth emits what an `and` or `or` of two operands does to V bits: a bit of the result is undefined if one of the operands is, and
// neither is surely the one that decides.
func (t *Translator) emitBoth(i int) {
	tr, a := &t.tr, &t.hot
	in := &tr.insts[i]
	mv := &in.move
	f := &mv.field
	n := int(mv.size)
	s := moveScratch{regs: true, flags: in.live != 0, p: scratch(in, 0)}
	s.q = scratch(in, 1<<s.p)
	s.r = scratch(in, 1<<s.p|1<<s.q)
	cold := t.beginMove(i, s, true)
	var m mem
	if in.HasMem {
		m = t.moveOperand(in)
	}
	if mv.first {
		t.moveChecks(in, m, s, cold)
	}
	vbits := func(r uint8, undefined bool, from mem) {
		if undefined {
			a.loadPiece(r, from, n)
		} else {
			a.movImm(r, 0)
		}
	}
	vbits(s.p, f.va, slot(mv.to))
	if in.HasMem {
		vbits(s.q, mv.first, shadowAt(m, 0))
	} else {
		vbits(s.q, f.vb, slot(mv.from))
	}
	a.movReg(s.r, s.p)
	a.alu(0x09, s.r, s.q) // or
	for _, v := range [2]uint8{s.p, s.q} {
		from := f.a
		if v == s.q {
			from = f.b
		}
		opc := byte(0x0b) // or: V bits, and what may be 1
		if f.op == fieldOr {
			a.not(v)
			opc = 0x23 // and: what is surely 1
		}
		if v == s.q && in.HasMem {
			a.aluLoad(opc, v, m, n)
		} else {
			a.alu(opc-2, v, from)
		}
		if f.op == fieldOr {
			a.not(v)
		}
		a.alu(0x21, s.r, v) // and
	}
	if n < 8 {
		a.maskPiece(s.r, n, -1)
	} else {
		a.alu(0x85, s.r, s.r) // test
	}
	to := slot(mv.to)
	if f.decide {
		t.fail(ccNE, cold)
	}
	switch {
	case f.decide && n >= 4:
	case n >= 4:
		a.store(to, s.r)
	default:
		if !f.va {
			a.storeImm(to, 0)
		}
		a.storePiece(to, s.r, n)
	}
	s.restore(a)
	t.point(in.pc, false, [3]uint8{})
}

// not: r = ^r.
func (a *asm) not(r uint8) {
	a.b1(0x48 | r>>3)
	a.b2(0xf7, 0xd0|r&7)
}

// emitNeed emits the question whether the registers hold undefined bits that instruction i reads.
func (t *Translator) emitNeed(i int) {
	tr, a := &t.tr, &t.hot
	in := &tr.insts[i]
	f := &in.move.field
	cold := len(tr.colds)
	live := in.live != 0
	tr.colds = append(tr.colds, coldStub{kind: coldMove, inst: i, recover: -1, move: moveScratch{rcx: live}})
	for r := f.need; r != 0; r &= r - 1 {
		_, off := register(uint8((r & -r).First()), false)
		if !live {
			a.op(0, true, 0x83, aluCmp, slot(off), 1, false)
			a.b1(0)
			t.fail(ccNE, cold)
			continue
		}
		a.store(spill(slotFlags), rcx)
		a.load(rcx, slot(off))
		a.b2(0xe3, 5) // jrcxz over the jump
		tr.fails = append(tr.fails, moveFail{a.jmp(0), -1, cold})
		a.load(rcx, spill(slotFlags))
	}
	t.now = f.ver
	a.storeImm(slot(vcpu.OffDirty), int32(f.ver))
}

// maskPiece: r &= mask, of the n bytes that r holds; it sets ZF.
func (a *asm) maskPiece(r uint8, n int, mask int32) {
	if n == 8 {
		a.alu64(aluAnd, r, mask)
		return
	}
	if r >= 8 {
		a.b1(0x41)
	}
	a.b2(0x81, 0xc0|aluAnd<<3|r&7)
	a.u32(uint32(mask) & uint32(1<<(8*n)-1))
}

// aluPiece emits all but the constant of the operation with opcode opc, for bytes, or opc+1 on the n bytes at m; imm is the constant's
// length, as far as an operand's is that large.
func (a *asm) aluPiece(opc int, op uint8, m mem, n, imm int) {
	switch n {
	case 1:
		a.op(0, false, opc, op, m, 1, false)
	case 2:
		a.op(0x66, false, opc+1, op, m, min(imm, 2), false)
	default:
		a.op(0, n == 8, opc+1, op, m, min(imm, 4), false)
	}
}

// aluLoad: the operation with opcode opc on r and the n bytes at m. What r holds above n bytes is lost.
func (a *asm) aluLoad(opc byte, r uint8, m mem, n int) {
	switch n {
	case 1:
		a.op(0, false, int(opc-1), r, m, 0, true)
	case 2:
		a.op(0x66, false, int(opc), r, m, 0, false)
	default:
		a.op(0, n == 8, int(opc), r, m, 0, false)
	}
}

// immPiece writes the constant for an operand of n bytes.
func (a *asm) immPiece(x int32, n int) {
	for i := range min(n, 4) {
		a.b1(byte(x >> (8 * i)))
	}
}

// partly emits the jump to a look at the V bits in s.p when they are not whole, as ZF says: those of partly defined bytes are kept in
// shadow memory, but for values that mean something else there. A move whose V bits are such goes to its stub.
func (t *Translator) partly(s moveScratch, cold int) {
	site := t.hot.jcc(ccNE, 0)
	t.tr.colds = append(t.tr.colds, coldStub{kind: coldPartly, site: site, resume: t.hot.pos, access: cold, recover: -1, move: s})
}

// emitPartlyStub emits the way to the shared routine that looks.
func (t *Translator) emitPartlyStub(c *coldStub) {
	a := &t.cold
	t.hot.patch(c.site, a.pos)
	a.store(spill(slotPartly), c.move.p)
	a.storeImm(spill(slotT), int32(t.base)+int32(c.resume))
	a.storeImm(spill(slotNot), int32(t.base)+int32(t.tr.colds[c.access].resume))
	a.jmp(t.partlyAt)
}

// emitPartly emits that routine. It goes on where slotT says if each byte of slotPartly can be in shadow memory, else where slotNot says.
// Flags are overwritten.
func (t *Translator) emitPartly() {
	a := &t.hot
	a.pos = (a.pos + 15) &^ 15
	t.partlyAt = a.pos
	end := func(next int) {
		a.load(rdx, spill(slotRSI))
		a.load(rax, spill(slotRBX))
		a.op(0, false, 0xff, 4, spill(next), 0, false) // jmp *next
	}
	a.store(spill(slotRBX), rax)
	a.store(spill(slotRSI), rdx)
	a.load(rax, spill(slotPartly))
	a.testNoAccess(rax, rdx)
	bad := a.jcc(ccNE, 0)
	others := []byte{guest.ShadowBeside}
	if t.cfg.Tags {
		others = append(others, guest.Tagged)
	}
	fails := []int{bad}
	for _, b := range others {
		// A byte of the exclusive or is 0 if one is b.
		a.load(rax, spill(slotPartly))
		a.movImm(rdx, uint64(b)*lowBits)
		a.alu(0x31, rax, rdx) // xor
		a.store(spill(slotXor), rax)
		a.movImm(rdx, lowBits)
		a.alu(0x29, rax, rdx) // sub
		a.load(rdx, spill(slotXor))
		a.not(rdx)
		a.alu(0x21, rax, rdx) // and
		a.movImm(rdx, 0x80*lowBits)
		a.alu(0x85, rax, rdx) // test
		fails = append(fails, a.jcc(ccNE, 0))
	}
	end(slotT)
	for _, at := range fails {
		a.patch(at, a.pos)
	}
	end(slotNot)
}

// needs reports whether the move only asks for defined registers.
func (mv *move) needs() bool { return mv.kind == moveNeed }

// checked reports whether the accesses of the instruction are looked at as usual.
func (mv *move) checked() bool {
	return mv.kind == moveNone || mv.kind == moveNeed || mv.zero || mv.kind == moveField && !mv.first
}

// linkable reports whether a check that has failed in front of instruction in may go on in dirty code by itself.
func (t *Translator) linkable(in *inst) bool {
	if !t.cfg.Moves || t.once || t.ver == verStep || !in.HasMem && !pops(in) {
		return false
	}
	mv, ok := moveOf(&in.Inst)
	if !ok || mv.kind != moveLoad {
		if _, ok = fieldOf(&in.Inst); !ok || in.ModRM >= 0xc0 {
			return false
		}
	}
	if in.HasMem {
		_, ok = t.hostOperand(in)
	}
	return ok && !t.trusted(in)
}

// pops reports whether the instruction is a pop of a register.
func pops(in *inst) bool {
	return in.Space == amd64.SpLegacy && in.Map == 0 && in.Op >= 0x58 && in.Op <= 0x5f
}
