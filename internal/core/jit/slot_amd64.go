package jit

import (
	"bytes"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// slotJump is a jump through a fixed word of memory at the start of a trace: an entry of a procedure linkage table. Once bound, the
// word hardly ever changes, so the jump compares it with what it was and goes on directly; any other value is looked up.
type slotJump struct {
	addr    uint64 // of the word
	imm     uint32 // host offset of the value compared with, slotNever until the jump is filled in
	site    uint32 // host offset of the rel32 field of the branch taken when the comparison fails
	lookup  uint32 // host offset of the code that looks the target up
	exit    uint32 // exit taken when it holds
	tries   uint8
	settled bool // filled in, or never to be
}

// slotNever is a value that no word with a valid jump target has: it is sign-extended.
const slotNever = 0xffffffff

// slotTries is the execution at which a jump is filled in. The first one finds the lazy binding's value.
const slotTries = 2

// emitSlotJump emits instruction i as a slotJump if it can be one. The comparison takes the flags, which are dead where functions
// begin: a word that leads elsewhere by now makes no slotJump, and a later target where they are not is never filled in.
func (t *Translator) emitSlotJump(i int) bool {
	if !t.isSlotJump(i) {
		return false
	}
	tr, a := &t.tr, &t.hot
	in := &tr.insts[i]
	m, _ := t.hostOperand(in)
	a.alignField(7)
	a.op(0, true, 0x81, 7, m, 4, false) // cmpq $value, word
	imm := a.pos
	a.u32(slotNever)
	a.alignField(2)
	site := a.jcc(ccNE, 0)
	n := t.newExit(0)
	a.alignField(1)
	hit := a.jmp(0)
	t.exits.at(n).site = uint32(hit)
	tr.colds = append(tr.colds, coldStub{kind: coldExit, site: hit, exit: n})
	again := t.newExit(in.pc)
	t.slots = append(t.slots, slotJump{addr: m.target, imm: uint32(imm), site: uint32(site), exit: n})
	t.exits.at(again).slot = uint32(len(t.slots))
	tr.colds = append(tr.colds, coldStub{kind: coldSlot, site: site, exit: again, inst: i})
	return true
}

// isSlotJump reports whether emitSlotJump makes a slotJump of instruction i.
func (t *Translator) isSlotJump(i int) bool {
	tr := &t.tr
	in := &tr.insts[i]
	if in.flow != flowJmpInd || t.once || t.ver != verFast || !in.HasMem || in.Base != amd64.RIP || i > 1 || i == 1 && !tr.insts[0].landsIndirect() {
		return false
	}
	m, ok := t.hostOperand(in)
	if !ok || m.base != atRIP || m.target&7 != 0 || !t.leadsToFunction(m.target) {
		return false
	}
	if t.cfg.Tool != nil {
		for k := range t.block.Anns {
			if ann := &t.block.Anns[k]; ann.Inst == i && ann.Op >= tool.OpCount {
				return false // it must not be made twice
			}
		}
	}
	return true
}

// pushImm is the opcode of a push of 32 bits: what an entry of a procedure linkage table that is not bound yet goes on with.
const pushImm = 0x68

// leadsToFunction reports whether flags are dead where the word at addr leads, or it leads to the part of a procedure linkage table that
// binds it: a push of the relocation's number.
func (t *Translator) leadsToFunction(addr uint64) bool {
	to, ok := t.word(addr)
	if !ok {
		return false
	}
	code := bytes.TrimPrefix(t.cfg.Fetch(guest.Addr(to)), []byte{0xf3, 0x0f, 0x1e, 0xfa}) // endbr64
	return len(code) > 0 && code[0] == pushImm || t.flagsAt(to).live == 0
}

// landsIndirect reports whether the instruction is endbr64.
func (in *inst) landsIndirect() bool {
	return in.Space == amd64.SpLegacy && in.Map == 1 && in.Op == 0x1e && in.ModRM == 0xfa && in.Pfx&amd64.PfxF3 != 0
}

// emitSlotStub emits the out-of-line part of a slotJump: the way to fillSlot, and the look-up.
func (t *Translator) emitSlotStub(c *coldStub) {
	a := &t.cold
	t.hot.patch(c.site, a.pos)
	a.leave(t, vcpu.ExitLink, c.exit)
	s := &t.slots[t.exits.at(c.exit).slot-1]
	s.lookup = uint32(a.pos)
	a.store(spill(slotRCX), rcx)
	a.load(rcx, mem{base: atRIP, index: noReg, target: s.addr})
	a.store(spill(slotRDX), rdx)
	t.emitInto(a, t.hash)
	a.jmpL1()
}

// emitInto runs emit, which writes to t.hot, with other in its place.
func (t *Translator) emitInto(other *asm, emit func()) {
	hot := t.hot
	t.hot = *other
	emit()
	other.pos = t.hot.pos
	t.hot = hot
}

// fillSlot is called when a slotJump that is not settled is made. It returns where to go on.
func (t *Translator) fillSlot(n, frag uint32) uintptr {
	s := &t.slots[n]
	s.tries++
	if s.tries >= slotTries && !s.settled && !t.frags.at(frag).dead {
		s.settled = true
		to, ok := t.word(s.addr)
		if ok && to < 1<<31 && t.flagsAt(to).live == 0 && (!t.clocked() || t.phaseOf(to, 0) == 0) {
			t.exits.at(s.exit).target = to
			storeUint32(t.hot.buf, int(s.imm), uint32(to))
		}
		t.patchLive(s.site, s.lookup)
	}
	return uintptr(t.base + uint64(s.lookup))
}
