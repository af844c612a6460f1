package amd64

import "gogrind/internal/isa"

// Addressing says where the address of a memory access comes from.
type Addressing uint8

// The ways of addressing.
const (
	AddrModRM Addressing = iota // Seg, Base, Index, Scale and Disp of the Inst
	AddrVSIB                    // the same with a vector of indices: Elems accesses of Size bytes
	AddrRSI                     // [rsi], segment Seg of the Inst or ds
	AddrRDI                     // [rdi]: es, or for MASKMOV the segment of the Inst
	AddrRAX                     // the 64-byte line that holds [rax] (clzero)
	AddrXlat                    // [rbx+al]
	AddrRBP                     // [rbp] (leave)
	AddrPush                    // [rsp-Size], rsp as before the instruction
	AddrPop                     // [rsp], rsp as before the instruction
	AddrReg                     // es:[Reg] (movdir64b)
)

// Access is one memory access of an instruction.
type Access struct {
	Operand uint8 // index in Operands
	Kind    isa.AccessKind
	Addr    Addressing
	Reg     uint8 // general register for AddrReg
	// Cond: the access may not happen: masked elements, rep with count 0, and each further round of rep.
	Cond bool
	// CondStore: the store part of a Modify may not happen (cmpxchg that fails; the CPU then stores the old value).
	CondStore bool
	// Outside: the address is not that of the operand but moved by a register or immediate: bt with a register bit
	// number reaches any bit of the bit string that starts at the operand; enter with a level pushes further words.
	Outside bool
	// Elem is the element size of masked accesses and of gathers and scatters, else 0. An element that is masked off
	// is not accessed.
	Elem  uint8
	Elems uint8 // number of elements for AddrVSIB, else 0
	// Size is the number of bytes: of one round for rep, of one element for AddrVSIB. 0 for the XSAVE family: the
	// size depends on the state components asked for.
	Size uint16
}

// MemAccesses lists the memory accesses of the instruction in the order it makes them, reusing buf. Address
// computations (lea), no-ops, prefetches and cache control access nothing. The explicit operand of a pop that is
// addressed with rsp uses the value after the pop.
func (in *Inst) MemAccesses(buf []Access) []Access {
	buf = buf[:0]
	r := in.Row
	n := -1
	for i := 0; i < int(r.NOps); i++ {
		d := &opPool[int(r.Ops)+i]
		if d.Loc == LKM && in.AAA == 0 {
			continue // not in Operands either
		}
		n++
		a := Access{Operand: uint8(n), Kind: isa.AccessKind(d.Acc & (AccR | AccW))}
		wc := d.WReg
		switch d.Loc {
		case LMR, LMU, LMN, LMKR:
			if !in.HasMem {
				continue
			}
			a.Size = in.width(d.WMem)
		case LM, LO:
			a.Size = in.width(d.WMem)
		case LMS:
			a.Addr = AddrVSIB
			a.Elem = uint8(in.width(d.WMem))
			a.Size, a.Elems, a.Cond = uint16(a.Elem), in.vsibElems(a.Elem), true
		case LPush:
			a.Addr, a.Kind, a.Size = AddrPush, isa.Store, in.width(wc)
			a.Outside = r.Imm == IwIb && in.Imm2&31 != 0
		case LPop:
			a.Addr, a.Kind, a.Size = AddrPop, isa.Load, in.width(wc)
		case LImem:
			a.Size = in.width(wc)
			switch d.Arg {
			case ImESRDI, ImRDI:
				a.Addr = AddrRDI
			case ImRSI:
				a.Addr = AddrRSI
			case ImRAX:
				a.Addr = AddrRAX
			case ImRBXAL:
				a.Addr = AddrXlat
			case ImRBP:
				a.Addr = AddrRBP
			default:
				a.Addr, a.Reg = AddrReg, in.ModRM>>3&7|in.Rex<<1&8
			}
		default:
			continue
		}
		if a.Kind == 0 || d.Acc&AccN != 0 {
			continue
		}
		if in.Space == SpEVEX && a.Addr == AddrModRM {
			if in.B {
				a.Size = uint16(in.Elem())
			}
			if in.AAA != 0 {
				a.Cond, a.Elem = true, in.maskUnit(a.Kind)
			}
		}
		if r.Sem == isa.VMaskmov {
			a.Cond, a.Elem = true, in.maskUnit(a.Kind)
		}
		if d.Acc&AccCond != 0 {
			a.Cond = true
		}
		a.CondStore = d.Acc&AccCW != 0
		if d.WMem == Wm576 && a.Addr == AddrModRM {
			a.Size = 0
		}
		if r.Sem == isa.Bt && in.ImmLen == 0 && a.Addr == AddrModRM {
			a.Outside = true
		}
		buf = append(buf, a)
	}
	// Tables name destinations first; the CPU loads before it stores.
	if len(buf) == 2 && buf[0].Kind == isa.Store && buf[1].Kind == isa.Load {
		buf[0], buf[1] = buf[1], buf[0]
	}
	return buf
}

// vsibElems is the number of elements that a gather or scatter moves: as many as the narrower of the index vector and
// the data vector holds.
func (in *Inst) vsibElems(data uint8) uint8 {
	vl := uint8(16) << in.L
	index := uint8(4) // opcodes 90, 92, A0, A2; odd ones have 8-byte indices
	if in.Op&1 != 0 {
		index = 8
	}
	return vl / max(data, index)
}

// maskUnit is the size of the elements of a masked memory operand: those of the source or of the result.
func (in *Inst) maskUnit(k isa.AccessKind) uint8 {
	if n := in.Row.Type.Bytes(); k&isa.Store != 0 && n != 0 {
		return uint8(n)
	}
	return uint8(in.Elem())
}
