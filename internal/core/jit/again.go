package jit

import (
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// A check of shadow memory is a comparison and a jump, which take the flags. Where those of a guest's comparison are live, it is made once
// more behind the check: that is cheaper than a register that must be spilled, and a jrcxz that is taken.

// againReach is how many instructions may lie between.
const againReach = 8

// resultFlags are those that depend on nothing but a result: PF, ZF and SF.
const resultFlags = 0x4 | 0x40 | 0x80

// againAt is the index of the instruction that has made all flags live in front of instruction i, and that emitAgain can make them of
// once more; -1 if there is none.
func (t *Translator) againAt(i int) int {
	tr := &t.tr
	live := tr.insts[i].live
	written := isa.RegSet(0)
	for j := i - 1; j >= 0 && i-j <= againReach && !tr.insts[j+1].joined; j-- {
		in := &tr.insts[j]
		if in.flow != flowNext && in.flow != flowJcc {
			return -1
		}
		e := in.flagEffects()
		if e.Written&live == 0 {
			written |= in.effects().Writes
			continue
		}
		if e.Killed&live == live && in.again(live, written) {
			return j
		}
		return -1
	}
	return -1
}

// again reports whether emitAgain can make the flags live of in, after registers written have changed.
func (in *inst) again(live uint32, written isa.RegSet) bool {
	if in.flow != flowNext || in.Space != amd64.SpLegacy || in.Map != 0 || in.Row == nil {
		return false
	}
	switch in.Row.Sem {
	case isa.AluCmp, isa.AluTest:
		return !in.HasMem && in.effects().Reads&written == 0 && in.effects().Writes == 0
	case isa.AluAdd, isa.AluAdc, isa.AluAnd, isa.AluOr, isa.AluXor:
		_, ok := in.resultReg()
		return ok && live&^resultFlags == 0 && in.effects().Writes&written == 0
	}
	return false
}

// resultReg is the general register, as numbered in an encoding, that an operation in the first rows of the opcode map leaves its
// result in. Byte registers that only a REX prefix tells apart from others are left out.
func (in *inst) resultReg() (reg uint8, ok bool) {
	switch op := in.Op; {
	case op < 0x40 && op&7 < 2, op >= 0x80 && op <= 0x83, op == 0xfe, op == 0xff, op == 0xf6, op == 0xf7:
		reg, ok = in.ModRM&7, in.ModRM >= 0xc0
	case op < 0x40 && op&7 < 4:
		reg, ok = in.ModRM>>3&7, true
	case op < 0x40 && op&7 < 6:
		ok = true
	}
	return reg, ok && (in.Op&1 != 0 || reg < 4 || in.Rex != 0)
}

// emitAgain emits what makes the flags of instruction j once more: itself, if it is a comparison, else a test of its result.
func (t *Translator) emitAgain(a *asm, j int) {
	in := &t.tr.insts[j]
	if in.Row.Sem == isa.AluCmp || in.Row.Sem == isa.AluTest {
		a.raw(in.code)
		return
	}
	reg, _ := in.resultReg()
	if in.Pfx&amd64.Pfx66 != 0 {
		a.b1(0x66)
	}
	if in.Rex != 0 {
		high := in.Rex & 1 // of the register, which extends both fields of the test
		if in.Op < 0x40 && in.Op&7 >= 2 {
			high = in.Rex >> 2 & 1
			if in.Op&7 >= 4 {
				high = 0
			}
		}
		a.b1(0x40 | in.Rex&8 | high | high<<2)
	}
	a.b2(0x84|in.Op&1, 0xc0|reg<<3|reg)
}
