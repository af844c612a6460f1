package jit

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// Bit fields are why values are defined in part: code tests, clears and sets some bits of a byte whose others nobody has written yet.
// What such an instruction does to V bits follows from its constant alone, so dirty code does that itself, as it does moves
// (field_amd64.go). Whether the bits that matter are defined is found out when it runs, and so it is for all other instructions that read
// an undefined register: dirty code knows registers that may hold undefined bits, and after an `and` they often hold none.

// fieldOp is what becomes of V bits.
type fieldOp uint8

const (
	fieldNone  fieldOp = iota
	fieldTest          // those in mask decide, none is changed
	fieldMask          // those in mask stay
	fieldShift         // they go with the bits
	fieldAnd           // and of two operands: a bit that is surely 0 in one is
	fieldOr            // or of two operands
)

// field is the part of a move that is an operation with a constant. The move's kind is moveField, or moveNeed when only the
// registers in need are asked about.
type field struct {
	op     fieldOp
	mask   int32 // sign-extended to the move's size
	shift  uint8 // operation of opcode c1
	count  uint8
	decide bool // flags are live behind it: bits in mask must be defined
	need   isa.RegSet
	ver    uint32 // version without the registers in need
	// with is the register that is the second operand of fieldAnd and fieldOr, 0 for memory; dst is the first.
	with   isa.RegSet
	a, b   uint8 // numbers of the two registers
	va, vb bool  // they may hold undefined bits
}

// fieldOf is the operation with a constant that in is; ok is false for instructions that do anything else. The operand is src, or memory.
func fieldOf(in *amd64.Inst) (mv move, ok bool) {
	if in.Row == nil || in.Seg >= amd64.SegFS || in.ASize != 8 || in.Pfx&amd64.PfxLock != 0 || in.Space != amd64.SpLegacy {
		return mv, false
	}
	reg, rm := in.ModRM>>3&7, in.ModRM&7|in.Rex<<3&8
	size := in.OpSize
	mask := int32(in.Imm)
	f := &mv.field
	implicit := false // the operand is rax
	switch {
	case in.Map == 0:
		op := in.Op
		wide := op&1 != 0
		switch op {
		case 0x08, 0x09, 0x0a, 0x0b, 0x20, 0x21, 0x22, 0x23:
			return bothOf(in)
		case 0x18, 0x19, 0x1a, 0x1b, 0x28, 0x29, 0x2a, 0x2b, 0x30, 0x31, 0x32, 0x33:
			// sbb, sub and xor of a register with itself: what it holds plays no part.
			if in.HasMem || in.ModRM>>3&7|in.Rex<<1&8 != rm {
				return mv, false
			}
			f.op, mask = fieldMask, 0
		case 0x84, 0x85: // test of a register with itself
			if in.HasMem || in.ModRM>>3&7|in.Rex<<1&8 != rm {
				return mv, false
			}
			f.op, mask = fieldTest, -1
		case 0xa8, 0xa9:
			f.op, implicit = fieldTest, true
		case 0xf6, 0xf7:
			if reg > 1 {
				return mv, false
			}
			f.op = fieldTest
		case 0x24, 0x25:
			f.op, implicit = fieldMask, true
		case 0x0c, 0x0d:
			f.op, implicit, mask = fieldMask, true, ^mask
		case 0x80, 0x81, 0x83:
			wide = op != 0x80
			switch f.op = fieldMask; reg {
			case 1:
				mask = ^mask
			case 4:
			case 6:
				mask = -1
			default:
				return mv, false
			}
		case 0xc0, 0xc1, 0xd0, 0xd1:
			f.count = 1
			if op < 0xd0 {
				f.count = uint8(in.Imm)
			}
			f.op, f.shift, mask = fieldShift, reg, -1
			if in.HasMem || reg < 4 {
				return mv, false
			}
		default:
			return mv, false
		}
		if !wide {
			size = 1
		}
	case in.Map == 1 && in.Op == 0xba && reg == 4: // bt
		n := uint(in.Imm) & uint(8*size-1)
		if n >= 31 {
			return mv, false
		}
		f.op, mask = fieldTest, 1<<n
	default:
		return mv, false
	}
	if f.op == fieldShift && (f.count == 0 || uint(f.count) >= uint(8*size)) {
		return mv, false
	}
	mv.kind, mv.size, f.mask = moveField, size, mask
	switch {
	case implicit:
		mv.src, mv.from = register(0, false)
	case !in.HasMem:
		if size == 1 && rm >= 4 && in.Pfx&amd64.PfxRex == 0 {
			return mv, false
		}
		mv.src, mv.from = register(rm, false)
	}
	if f.op != fieldTest {
		mv.dst = mv.src
	}
	return mv, true
}

// bothOf is fieldOf for `and` and `or` of a register with another one or with memory.
func bothOf(in *amd64.Inst) (mv move, ok bool) {
	f := &mv.field
	f.a, f.b = in.ModRM&7|in.Rex<<3&8, in.ModRM>>3&7|in.Rex<<1&8
	if in.Op&2 != 0 {
		f.a, f.b = f.b, f.a
	} else if in.HasMem {
		return mv, false
	}
	mv.size = 1
	if in.Op&1 != 0 {
		mv.size = in.OpSize
	} else if in.Pfx&amd64.PfxRex == 0 && (f.a >= 4 || f.b >= 4 && !in.HasMem) {
		return mv, false
	}
	f.op = fieldAnd
	if in.Op < 0x20 {
		f.op = fieldOr
	}
	mv.kind = moveField
	mv.dst, mv.to = register(f.a, false)
	if !in.HasMem {
		f.with, mv.from = register(f.b, false)
	}
	return mv, f.a != f.b || in.HasMem
}

// fieldDirty is moveDirty for what fieldOf finds.
func (t *Translator) fieldDirty(i int, d isa.RegSet, first bool) bool {
	in := &t.tr.insts[i]
	if !t.cfg.Moves || t.trusted(in) {
		return false
	}
	mv, ok := fieldOf(&in.Inst)
	both := mv.field.op == fieldAnd || mv.field.op == fieldOr
	if !ok || in.HasMem != first && !both {
		return false
	}
	if t.cfg.Tags && (both || first && mv.field.op != fieldTest) {
		return false // whose tag the result has is for a step to decide
	}
	if in.HasMem {
		if _, ok := t.hostOperand(in); !ok || in.Base < 16 && d.Has(amd64.GPR(in.Base)) || in.Index < 16 && d.Has(amd64.GPR(in.Index)) {
			return false
		}
	} else if !both && mv.src&^d != 0 {
		return false
	}
	if (mv.src | mv.dst | mv.field.with).Has(amd64.GPR(guest.RSP)) {
		return false
	}
	mv.first = first
	mv.field.va, mv.field.vb = mv.dst&d != 0, mv.field.with&d != 0
	mv.field.decide = mv.field.op == fieldTest || t.tr.liveAfter(i)&in.flagEffects().Written != 0
	if mv.field.decide && mv.field.op == fieldShift {
		return false // what decides are the bits shifted out, too
	}
	if mv.dst != 0 && mv.field.decide && mv.size >= 4 {
		mv.clean = true
	}
	in.move = mv
	return true
}

// needDirty notes that instruction i, in front of which registers d are undefined, is to go on if those that it reads hold no undefined
// bits after all. It reports whether they can be asked.
func (t *Translator) needDirty(i int, d isa.RegSet, reads isa.RegSet) bool {
	in := &t.tr.insts[i]
	need := reads & d
	if !t.cfg.Moves || in.flow != flowNext || need&^amd64.SetGPR != 0 || need.Has(amd64.GPR(guest.RSP)) {
		return false
	}
	in.move = move{kind: moveNeed, field: field{need: need}}
	return true
}
