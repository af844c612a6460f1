package jit

import (
	"gogrind/internal/core/vcpu"
)

// emitMove emits what instruction i, a move, does to V bits. What shadow memory cannot hold, or tags cannot name, leaves for a step.
func (t *Translator) emitMove(i int) {
	tr, a := &t.tr, &t.hot
	in := &tr.insts[i]
	mv := &in.move
	s := moveScratch{p: scratch(in, 0), regs: true}
	s.q = scratch(in, 1<<s.p)
	isMem := mv.kind != moveRegs && !mv.zero
	tags := t.cfg.Tags && !mv.zero
	s.flags = (isMem || tags && mv.merge && !mv.fresh) && in.live != 0
	cold := t.beginMove(i, s, isMem)
	var m mem
	if isMem {
		m = t.moveOperand(in)
		t.moveChecks(in, m, s, cold)
	}
	if tags {
		t.moveTagged(mv, m, s, cold)
		s.restore(a)
		t.point(in.pc, false, [3]uint8{})
		return
	}
	for off := 0; off < int(mv.size); {
		n := piece(int(mv.size) - off)
		from, to := slot(mv.from+int32(off)), slot(mv.to+int32(off))
		if mv.kind == moveLoad {
			from = shadowAt(m, off)
		}
		if mv.kind == moveStore {
			to = shadowAt(m, off)
		}
		switch {
		case mv.zero:
			a.storeImm(to, 0)
		case mv.kind == moveStore:
			a.loadPiece(s.p, from, n)
			a.storePiece(to, s.p, n)
		default:
			a.loadV(s.p, from, n, mv.signed)
			a.store(to, s.p) // what lies above is 0
		}
		off += n
	}
	t.zeroRest(mv)
	s.restore(a)
	t.point(in.pc, false, [3]uint8{})
}

// beginMove puts aside what a move overwrites. With fails, it opens the stub for one that is not made, and returns its number.
func (t *Translator) beginMove(i int, s moveScratch, fails bool) (cold int) {
	tr, a := &t.tr, &t.hot
	cold = len(tr.colds)
	if fails {
		tr.colds = append(tr.colds, coldStub{kind: coldMove, inst: i, recover: -1, move: s})
	}
	if s.flags {
		a.store(spill(slotA), rax)
		a.flagsToAX()
		a.store(spill(slotF), rax)
		a.load(rax, spill(slotA))
	}
	if s.regs {
		a.store(spill(slotRCX), s.p)
		a.store(spill(slotRDX), s.q)
		spilled := [3]uint8{s.p + 1, s.q + 1}
		if s.r != 0 {
			a.store(spill(slotSeg), s.r)
			spilled[2] = s.r + 1
		}
		t.point(tr.insts[i].pc, false, spilled)
	}
	return cold
}

// zeroRest makes those bytes of the destination defined that the move does not carry.
func (t *Translator) zeroRest(mv *move) {
	if mv.kind == moveStore || mv.zero || mv.room == 8 || mv.merge && !mv.fresh {
		return
	}
	for off := mv.base; off < mv.base+int32(mv.room); off += 8 {
		if off < mv.to || off >= mv.to+int32(max(mv.size, 8)) {
			t.hot.storeImm(slot(off), 0)
		}
	}
}

// moveScratch is what a move has put aside: with regs, registers p, q and, unless 0, r are in slots 0 to 2, with flags the flags in slotF, with rcx
// that register in slotFlags.
type moveScratch struct {
	p, q, r          uint8
	regs, flags, rcx bool
}

func (s *moveScratch) restore(a *asm) {
	if s.r != 0 {
		a.load(s.r, spill(slotSeg))
	}
	if s.regs {
		a.load(s.q, spill(slotRDX))
		a.load(s.p, spill(slotRCX))
	}
	if s.rcx {
		a.load(rcx, spill(slotFlags))
	}
	if s.flags {
		a.store(spill(slotA), rax)
		a.load(rax, spill(slotF))
		a.flagsFromAX()
		a.load(rax, spill(slotA))
	}
}

// moveOperand is the guest memory that the move accesses.
func (t *Translator) moveOperand(in *inst) mem {
	switch {
	case in.HasMem:
		m, _ := t.hostOperand(in)
		return m
	case in.move.kind == moveStore:
		return at(rsp, -8)
	}
	return at(rsp, 0)
}

// shadowAt is the shadow of the guest memory at m, off bytes on.
func shadowAt(m mem, off int) mem {
	m.seg = segGS
	m.disp += int32(off)
	m.target += uint64(off)
	return m
}

// moveFail is a place of a move that goes to its stub: a jump, or an access that may fault.
type moveFail struct {
	site, recover int // one of them, the other is -1
	cold          int
}

// fail emits a jump to the stub of a move.
func (t *Translator) fail(cc byte, cold int) {
	t.tr.fails = append(t.tr.fails, moveFail{t.hot.jcc(cc, 0), -1, cold})
}

// moveChecks emits the comparisons in front of a move from or to memory at m: shadow memory can hold each byte of both shadow and V bits,
// and the memory does not lie below the stack pointer.
func (t *Translator) moveChecks(in *inst, m mem, s moveScratch, cold int) {
	tr, a, mv := &t.tr, &t.hot, &in.move
	whole := func(from mem, n int) {
		a.loadPiece(s.p, from, n)
		a.compareWhole(s.p, s.q)
		if t.cfg.Tags && mv.kind != moveField {
			t.fail(ccNE, cold) // partly defined bytes have no tags
			return
		}
		t.partly(s, cold)
	}
	loads := mv.kind == moveLoad || mv.kind == moveField && mv.field.op != fieldMask // whose memory is stored to
	own := mv.own && mv.kind != moveField
	for off := 0; off < int(mv.size); {
		n := piece(int(mv.size) - off)
		if mv.kind == moveStore {
			whole(slot(mv.from+int32(off)), n)
		}
		switch {
		case own:
		case t.cfg.Tags && mv.kind != moveField:
			tr.fails = append(tr.fails, moveFail{-1, t.recover.n, cold})
			t.recoverable()
			a.loadPiece(s.p, shadowAt(m, off), n)
			t.checkTagged(mv, s, cold)
		default:
			tr.fails = append(tr.fails, moveFail{-1, t.recover.n, cold})
			t.recoverable()
			whole(shadowAt(m, off), n)
		}
		off += n
	}
	reach := int32(0)
	if loads {
		reach = redZone
	}
	if mv.own || m.base == atRIP || m.base == noReg && m.index == noReg || m.base == rsp && m.index == noReg && m.disp >= -reach {
		return
	}
	below := m
	below.seg = segNone
	a.lea(s.p, below)
	a.alu(0x29, s.p, rsp) // sub
	if reach != 0 {
		a.alu64(0, s.p, reach) // add: negative below the red zone
	}
	a.alu64(aluCmp, s.p, -stackReach)
	t.fail(ccAE, cold)
}

// emitMoveStub emits the way to a step for a move that is not made inline.
func (t *Translator) emitMoveStub(n int, c *coldStub) {
	a := &t.cold
	for _, f := range t.tr.fails {
		switch {
		case f.cold != n:
		case f.site >= 0:
			t.hot.patch(f.site, a.pos)
		default:
			t.recover.at(uint32(f.recover)).to = uint32(a.pos)
		}
	}
	t.tr.colds[n].resume = a.pos
	c.move.restore(a)
	t.checks.add(check{pc: t.tr.insts[c.inst].pc, step: true})
	a.leave(t, vcpu.ExitCheck, uint32(t.checks.n-1))
}

// alu: op src, dst for 64-bit registers, op with a ModRM destination.
func (a *asm) alu(op byte, dst, src uint8) {
	a.b1(0x48 | src>>3<<2 | dst>>3)
	a.b2(op, 0xc0|src&7<<3|dst&7)
}

// loadPiece loads n bytes at m, zero-extended.
func (a *asm) loadPiece(r uint8, m mem, n int) { a.loadV(r, m, n, false) }

// loadV loads n bytes at m, extended to 64 bits.
func (a *asm) loadV(r uint8, m mem, n int, signed bool) {
	opc := 0x8b
	switch {
	case n == 8:
	case n == 4 && signed:
		opc = 0x63
	case n == 4:
		a.op(0, false, 0x8b, r, m, 0, false)
		return
	case n == 2 && signed:
		opc = map0F | 0xbf
	case n == 2:
		opc = map0F | 0xb7
	case signed:
		opc = map0F | 0xbe
	default:
		opc = map0F | 0xb6
	}
	a.op(0, true, opc, r, m, 0, false)
}

// storePiece stores n bytes at m.
func (a *asm) storePiece(m mem, r uint8, n int) {
	switch n {
	case 8:
		a.store(m, r)
	case 4:
		a.op(0, false, 0x89, r, m, 0, false)
	case 2:
		a.op(0x66, false, 0x89, r, m, 0, false)
	default:
		a.op(0, false, 0x88, r, m, 0, true)
	}
}
