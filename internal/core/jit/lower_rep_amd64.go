package jit

import (
	"gogrind/internal/core/vcpu"
	"gogrind/internal/isa/amd64"
)

// Compilers fill and copy structures with rep stos and rep movs. A shared routine does for their shadow what the instruction does for
// memory; what is not plain (bytes that may not be accessed or are defined in part, overlaps, the direction flag, the stack below its
// pointer, long pieces) is left to Go.

// repLimit is how many bytes the routines handle: an interrupted thread is stepped through them.
const repLimit = 4096

// repRoutine is one of them: code in [start, end), going on at fail for what is left to Go.
type repRoutine struct{ start, end, fail int }

// Spill slots of the routines, beside slotA, slotF, slotRCX, slotRDX and slotT, where they go on; slotElse is where they go on when
// there is something for Go.
const (
	slotElse = slotSeg
	slotRSI  = slotEvent
	slotRDI  = slotValue
	slotRBX  = SlotRounds
)

// repOf is the number of the routine for in: stos and movs by log2 of the element; -1 for other instructions.
func repOf(in *inst) int {
	if !in.repeats() || in.ASize != 8 || in.Seg >= amd64.SegFS {
		return -1
	}
	size := uint8(1)
	if in.Op&1 != 0 {
		size = in.OpSize
	}
	n := int(log2(size))
	switch in.Op {
	case 0xaa, 0xab:
		return n
	case 0xa4, 0xa5:
		return 4 + n
	}
	return -1
}

// lowerRep emits a jump to a stub that tries the routine, in front of the first check of instruction i.
func (t *Translator) lowerRep(i, n int) {
	a := &t.hot
	t.rep = len(t.tr.colds)
	site := a.jmp(0)
	t.tr.colds = append(t.tr.colds, coldStub{kind: coldRep, site: site, inst: i, access: n, resume: a.pos, recover: -1})
}

func (t *Translator) emitRepStub(c *coldStub) {
	a := &t.cold
	t.hot.patch(c.site, a.pos)
	a.storeImm(spill(slotT), int32(t.base)+int32(c.next))
	a.storeImm(spill(slotElse), int32(t.base)+int32(c.resume))
	a.jmp(t.reps[c.access].start)
}

// emitReps emits the routines.
func (t *Translator) emitReps() {
	for n := range t.reps {
		t.emitRep(&t.reps[n], n >= 4, n&3)
	}
}

func (t *Translator) emitRep(r *repRoutine, moves bool, shift int) {
	a := &t.hot
	var bad []int
	fail := func(cc byte) { bad = append(bad, a.jcc(cc, 0)) }
	src, dst := mem{seg: segGS, base: rsi, index: noReg}, mem{seg: segGS, base: rdi, index: noReg}
	a.pos = (a.pos + 15) &^ 15
	r.start = a.pos
	a.store(spill(slotA), rax)
	a.flagsToAX()
	a.store(spill(slotF), rax)
	saved := [...]struct {
		slot int
		reg  uint8
	}{{slotRCX, rcx}, {slotRDX, rdx}, {slotRBX, rbx}, {slotRSI, rsi}, {slotRDI, rdi}}
	for _, s := range saved {
		a.store(spill(s.slot), s.reg)
	}
	// A string instruction tells the direction.
	a.load(rsi, slot(vcpu.OffSelf))
	a.b1(0xac)                                             // lodsb
	a.op(0, true, 0x3b, rsi, slot(vcpu.OffSelf), 0, false) // cmp
	a.load(rsi, spill(slotRSI))
	fail(ccB)
	a.alu64(aluCmp, rcx, repLimit>>shift)
	fail(ccA)
	a.bytes(0x48, 0xc1, 0xe1, byte(shift)) // shl: bytes
	below := func(reg uint8) {
		a.lea(rdx, at(reg, redZone))
		a.alu(0x29, rdx, rsp) // sub
		a.alu64(aluCmp, rdx, redZone-stackReach)
		fail(ccAE)
		a.alu64(aluCmp, rdx, redZone)
		fail(ccB)
	}
	below(rdi)
	if moves {
		below(rsi)
		for _, d := range [2][2]uint8{{rdi, rsi}, {rsi, rdi}} {
			a.movReg(rdx, d[0])
			a.alu(0x29, rdx, d[1])
			a.alu(0x39, rdx, rcx) // cmp: an overlap
			fail(ccB)
		}
	} else {
		a.bytes(0x31, 0xdb) // xor %ebx, %ebx
	}
	loop := a.pos
	a.alu64(aluCmp, rcx, 8)
	tail := a.jcc(ccB, 0)
	if moves {
		a.load(rbx, src)
	}
	switch {
	case moves && (!t.cfg.Moves || t.cfg.Tags): // more than V bits goes with undefined bytes
		a.alu(0x85, rbx, rbx)
		fail(ccNE)
	case moves:
		a.compareWhole(rbx, rdx)
		fail(ccNE)
	}
	a.load(rax, dst)
	a.testNoAccess(rax, rdx)
	fail(ccNE)
	a.store(dst, rbx)
	a.lea(rdi, at(rdi, 8))
	a.lea(rsi, at(rsi, 8))
	a.lea(rcx, at(rcx, -8))
	a.jmp(loop)
	a.patch(tail, a.pos)
	byByte := a.pos
	a.alu(0x85, rcx, rcx) // test
	end := a.jcc(ccE, 0)
	if moves {
		a.loadPiece(rbx, src, 1)
		if !t.cfg.Moves || t.cfg.Tags {
			a.alu(0x85, rbx, rbx)
			fail(ccNE)
		}
		a.lea(rdx, at(rbx, 1))
		a.bytes(0xf6, 0xc2, 0xfe) // test $0xfe, %dl: 0 or 0xff
		fail(ccNE)
	}
	a.loadPiece(rax, dst, 1)
	a.b2(0x24, 0xc0) // and $0xc0, %al
	a.b2(0x3c, 0x80) // cmp $0x80, %al
	fail(ccE)
	a.storePiece(dst, rbx, 1)
	a.lea(rdi, at(rdi, 1))
	a.lea(rsi, at(rsi, 1))
	a.lea(rcx, at(rcx, -1))
	a.jmp(byByte)
	finish := func(to int) {
		for _, s := range saved {
			a.load(s.reg, spill(s.slot))
		}
		a.load(rax, spill(slotF))
		a.flagsFromAX()
		a.load(rax, spill(slotA))
		a.op(0, false, 0xff, 4, spill(to), 0, false) // jmp
	}
	a.patch(end, a.pos)
	r.end = a.pos
	finish(slotT)
	r.fail = a.pos
	for _, site := range bad {
		a.patch(site, a.pos)
	}
	finish(slotElse)
}
