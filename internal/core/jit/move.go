package jit

import (
	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// A move is an instruction that only carries bytes from one place to another, so that V bits go with them as they are: what
// programs mostly do to undefined values. Dirty code makes moves itself (move_amd64.go). The V bits of general and vector
// registers are in the context meanwhile.
type move struct {
	kind moveKind
	// src and dst are the registers that V bits come from and go to; memory has none. With merge, dst keeps its other bytes.
	src, dst isa.RegSet
	merge    bool
	signed   bool // bytes above size are copies of the sign
	size     uint8
	// from and to are the offsets in the context of the registers' V bits, or of the bytes of them that are moved.
	from, to int32
	// base is where dst's V bits begin, room how many bytes of them it has.
	base int32
	room uint8

	first bool // the move is a load that has found undefined bytes
	fresh bool // dst has been defined before
	own   bool // the store is to the own stack frame
	zero  bool // the bytes moved are defined: merge with a dst that is not
	clean bool // dst is defined behind it
	field field
}

type moveKind uint8

const (
	moveNone moveKind = iota
	moveLoad
	moveStore
	moveRegs
	moveField // an operation with a constant: see field.go
	moveNeed
)

// register is number n of the general (vec false) or vector registers; its V bits are at off in the context.
func register(n uint8, vec bool) (r isa.RegSet, off int32) {
	if vec {
		return amd64.Vec(n), vcpu.OffV + int32(16*8+64*int(n))
	}
	return amd64.GPR(n), vcpu.OffV + int32(8*int(n))
}

// into makes a register mv's destination.
func (mv *move) into(n uint8, vec bool) {
	mv.dst, mv.to = register(n, vec)
	mv.base, mv.room = mv.to, 8
	if vec {
		mv.room = 64
	}
}

// Moves reports whether dirty code may carry undefined bytes through in.
func Moves(in *amd64.Inst) bool {
	if _, ok := moveOf(in); ok {
		return true
	}
	_, ok := fieldOf(in)
	return ok && !in.HasMem
}

// moveOf is what in moves; ok is false for instructions that do more.
func moveOf(in *amd64.Inst) (mv move, ok bool) {
	if in.Row == nil || in.Seg >= amd64.SegFS || in.ASize != 8 || in.Pfx&amd64.PfxLock != 0 {
		return mv, false
	}
	reg, rm := in.ModRM>>3&7|in.Rex<<1&8, in.ModRM&7|in.Rex<<3&8
	isMem := in.HasMem
	// load and store fill in mv: regVec and rmVec say which operands are vector registers.
	load := func(size uint8, regVec, rmVec bool) (move, bool) {
		mv.into(reg, regVec)
		mv.size = size
		if mv.kind = moveLoad; !isMem {
			mv.kind = moveRegs
			mv.src, mv.from = register(rm, rmVec)
		}
		return mv, true
	}
	store := func(size uint8, regVec, rmVec bool) (move, bool) {
		mv.src, mv.from = register(reg, regVec)
		mv.size = size
		if mv.kind = moveStore; !isMem {
			mv.kind = moveRegs
			mv.into(rm, rmVec)
		}
		return mv, true
	}
	switch {
	case in.Space == amd64.SpLegacy && in.Map == 0:
		switch op := in.Op; {
		case op == 0x88:
			if isMem && (reg < 4 || in.Pfx&amd64.PfxRex != 0) {
				return store(1, false, false)
			}
		case op == 0x89 && (isMem || in.OpSize >= 4):
			return store(in.OpSize, false, false)
		case op == 0x8b && in.OpSize >= 4:
			return load(in.OpSize, false, false)
		case op == 0x63 && in.OpSize == 8:
			mv.signed = true
			return load(4, false, false)
		case op >= 0x50 && op <= 0x57 && in.OpSize == 8:
			mv.src, mv.from = register(op&7|in.Rex<<3&8, false)
			mv.kind, mv.size = moveStore, 8
			return mv, true
		case op >= 0x58 && op <= 0x5f && in.OpSize == 8 && (op&7 != rsp || in.Rex&1 != 0):
			mv.into(op&7|in.Rex<<3&8, false)
			mv.kind, mv.size = moveLoad, 8
			return mv, true
		}
	case in.Space == amd64.SpLegacy && in.Map == 1:
		switch in.Op {
		case 0xb6, 0xb7, 0xbe, 0xbf:
			size := 1 + in.Op&1
			if in.OpSize < 4 || !isMem && size == 1 && rm >= 4 && in.Pfx&amd64.PfxRex == 0 {
				return mv, false
			}
			mv.signed = in.Op >= 0xbe
			if mv.signed && in.OpSize == 4 {
				return mv, false
			}
			return load(size, false, false)
		}
		return vectorMove(in, isMem, load, store)
	case in.Space == amd64.SpVEX && in.Map == 1 && in.L <= 1:
		return vectorMove(in, isMem, load, store)
	}
	return mv, false
}

// vectorMove is moveOf for SSE and AVX.
func vectorMove(in *amd64.Inst, isMem bool, load, store func(size uint8, regVec, rmVec bool) (move, bool)) (mv move, ok bool) {
	const pp66, ppF2, ppF3 = 1, 2, 4
	full := uint8(16) << in.L
	sse := in.Space == amd64.SpLegacy
	word := uint8(4)
	if in.W != 0 {
		word = 8
	}
	switch in.Op {
	case 0x10, 0x11:
		size := full
		switch {
		case in.PP == 0 || in.PP == pp66:
		case isMem && in.PP == ppF2:
			size = 8
		case isMem && in.PP == ppF3:
			size = 4
		default:
			return mv, false
		}
		if in.Op == 0x10 {
			return load(size, true, true)
		}
		return store(size, true, true)
	case 0x28:
		return load(full, true, true)
	case 0x29, 0x2b:
		return store(full, true, true)
	case 0x6f:
		if in.PP == pp66 || in.PP == ppF3 {
			return load(full, true, true)
		}
	case 0x7f:
		if in.PP == pp66 || in.PP == ppF3 {
			return store(full, true, true)
		}
	case 0xe7:
		if in.PP == pp66 {
			return store(full, true, true)
		}
	case 0xf0:
		if in.PP == ppF2 {
			return load(full, true, true)
		}
	case 0x7e:
		switch in.PP {
		case ppF3:
			return load(8, true, true)
		case pp66:
			return store(word, true, false)
		}
	case 0xd6:
		if in.PP == pp66 {
			return store(8, true, true)
		}
	case 0x6e:
		if in.PP == pp66 {
			return load(word, true, false)
		}
	case 0x13, 0x17:
		if isMem && in.PP <= pp66 {
			mv, ok = store(8, true, true)
			if in.Op == 0x17 {
				mv.from += 8
			}
			return mv, ok
		}
	case 0x12, 0x16:
		if sse && isMem && in.PP <= pp66 {
			mv, ok = load(8, true, true)
			mv.merge = true
			if in.Op == 0x16 {
				mv.to += 8
			}
			return mv, ok
		}
	case 0x6c, 0x14:
		if sse && !isMem && in.PP == pp66 {
			mv, ok = load(8, true, true)
			mv.merge = true
			mv.to += 8
			return mv, ok
		}
	}
	return mv, false
}

// moveDirty looks at instruction i in front of which registers d are undefined. It reports whether the instruction is a move that is to be
// made with V bits, and notes it.
func (t *Translator) moveDirty(i int, d isa.RegSet, first bool) bool {
	in := &t.tr.insts[i]
	if !t.cfg.Moves || t.trusted(in) {
		return false
	}
	mv, ok := moveOf(&in.Inst)
	if !ok {
		return false
	}
	if in.HasMem {
		if _, ok := t.hostOperand(in); !ok || in.Base < 16 && d.Has(amd64.GPR(in.Base)) || in.Index < 16 && d.Has(amd64.GPR(in.Index)) {
			return false
		}
	}
	isStack := in.Space == amd64.SpLegacy && in.Map == 0 && in.Op >= 0x50 && in.Op <= 0x5f
	if isStack && d.Has(amd64.GPR(guest.RSP)) {
		return false
	}
	mv.fresh = d&mv.dst == 0
	switch {
	case mv.kind == moveLoad && first:
		mv.first = true
	case mv.kind == moveLoad && !(mv.merge && !mv.fresh):
		return false
	case mv.kind == moveLoad, mv.kind == moveRegs && d&mv.src == 0: // it is the bytes kept that are undefined
		mv.zero = true
	}
	in.move = mv
	return true
}
