package amd64

import "gogrind/internal/isa"

// Bits of an isa.RegSet. Bit n is general register n, in the numbering of ModRM and REX (guest.RAX ...).
const (
	vecBit  = 16 // first vector register
	maskBit = 48 // first mask register

	SetGPR   isa.RegSet = 0xffff               // rax ... r15
	SetVec   isa.RegSet = 0xffffffff << vecBit // zmm0 ... zmm31
	SetMask  isa.RegSet = 0xff << maskBit      // k0 ... k7
	SetX87   isa.RegSet = 1 << 56              // all of x87 and MMX: registers, tags, status and control word
	SetMXCSR isa.RegSet = 1 << 57              // MXCSR
	SetSys   isa.RegSet = 1 << 58              // segment registers and bases, xcr0, shadow stack pointer, ...
	SetAll              = SetGPR | SetVec | SetMask | SetX87 | SetMXCSR | SetSys
)

// GPR is the set with general register n (0-15).
func GPR(n uint8) isa.RegSet { return 1 << (n & 15) }

// Vec is the set with vector register n (0-31).
func Vec(n uint8) isa.RegSet { return 1 << (vecBit + n&31) }

// KReg is the set with mask register n (0-7).
func KReg(n uint8) isa.RegSet { return 1 << (maskBit + n&7) }

// miscSet maps registers of class CMisc, by number, to sets. rflags and rip are not part of register sets.
var miscSet = [...]isa.RegSet{
	MiscMXCSR:     SetMXCSR,
	MiscX87Status: SetX87, MiscX87Control: SetX87, MiscX87Tag: SetX87,
	MiscX87Push: SetX87, MiscX87Pop: SetX87, MiscX87Pop2: SetX87,
	MiscXCR0: SetSys, MiscSSP: SetSys, MiscFSBase: SetSys, MiscGSBase: SetSys, MiscUIF: SetSys,
	MiscFS: SetSys, MiscGS: SetSys, MiscSS: SetSys,
}

const rsp = 4

// How Effects turns an operand into a set.
const (
	gpr   = iota
	vec   //
	full  // a write always replaces the whole register
	merge // a write never does
)

// Effects says which registers and flags the instruction reads, may write and surely overwrites.
//
// A 32-bit write of a general register counts as a full write, as the CPU clears the upper half; 8-bit and 16-bit
// writes, conditional writes and merging vector writes also read. xor, sub and their vector kin with both sources in
// the same register do not read it. Instructions that enter the kernel read everything. An undefined flag counts as
// overwritten unless CPUs are known to leave it alone, because programs could see that.
func (in *Inst) Effects() isa.Effects {
	r := in.Row
	ev := in.Space != SpLegacy && in.Space != Sp3DNow
	mem := in.HasMem
	rex := in.Rex
	var rd, wr isa.RegSet
	for i := int(r.Ops); i < int(r.Ops)+int(r.NOps); i++ {
		d := &opPool[i]
		acc := d.Acc
		var bit isa.RegSet
		kind := gpr
		n := uint8(0)
		switch d.Loc {
		case LG:
			n = in.ModRM>>3&7 | rex<<1&8
		case LMR:
			if mem {
				continue
			}
			n = in.ModRM&7 | rex<<3&8
		case LR:
			n = in.ModRM&7 | rex<<3&8
		case LB:
			n = in.VVVV & 15
		case LZ:
			n = in.Op&7 | rex<<3&8
		case LV:
			kind, n = vec, in.ModRM>>3&7|rex<<1&8|in.R4<<4
		case LMU, LU:
			if d.Loc == LMU && mem {
				continue
			}
			kind, n = vec, in.ModRM&7|rex<<3&8
			if in.Space == SpEVEX {
				n |= rex << 3 & 16
			}
		case LH:
			kind, n = vec, in.VVVV
		case LL:
			kind, n = vec, uint8(in.Imm)>>4
		case LK:
			kind, bit = full, KReg(in.ModRM>>3&7)
		case LKP:
			kind, bit = full, KReg(in.ModRM>>3&7&^1)|KReg(in.ModRM>>3&7|1)
		case LKR:
			kind, bit = full, KReg(in.ModRM&7)
		case LMKR:
			if mem {
				continue
			}
			kind, bit = full, KReg(in.ModRM&7)
		case LKH:
			kind, bit = full, KReg(in.VVVV&7)
		case LKM:
			if in.AAA == 0 {
				continue
			}
			kind, bit = full, KReg(in.AAA)
		case LMN:
			if mem {
				continue
			}
			kind, bit = merge, SetX87
		case LP, LN, LSTi:
			kind, bit = merge, SetX87
		case LS, LC, LD:
			kind, bit = merge, SetSys
		case LFix, LAddr:
			n = fixTab[d.Arg].num
			switch fixTab[d.Arg].class {
			case CGPR:
			case CGPRH:
				n -= 4
			case CVec:
				kind = vec
			case CST:
				kind, bit = merge, SetX87
			default:
				kind, bit = merge, miscSet[n]
			}
		case LPush, LPop:
			bit = GPR(rsp)
			rd |= bit
			wr |= bit
			continue
		case LImem:
			rd |= in.implicitRegs(d.Arg)
			continue
		default:
			continue
		}
		switch kind {
		case gpr:
			w := in.width(d.WReg)
			// ah, ch, dh, bh: encodings 4-7 of a byte register without REX.
			if w == 1 && n-4 < 4 && d.Loc < LFix && in.Pfx&(PfxRex|PfxVex|PfxEvex) == 0 {
				n -= 4
			}
			bit = GPR(n)
			if w < 4 && acc&AccW != 0 {
				acc |= AccR
			}
		case vec:
			bit = Vec(n)
			if acc&AccW != 0 && (!ev || in.AAA != 0 && !in.Z) {
				acc |= AccR
			}
		case merge:
			if acc&AccW != 0 {
				acc |= AccR
			}
		}
		if acc&(AccR|AccCond|AccCW) != 0 {
			rd |= bit
		}
		if acc&AccW != 0 {
			wr |= bit
		}
	}
	at := r.Attr
	if wr != 0 && in.ModRM >= 0xc0 {
		rd &^= in.sameSource()
	}
	if mem && at&ANop == 0 {
		if in.Base < 16 {
			rd |= GPR(in.Base)
		}
		if in.Index != 0xff {
			if at&(AVsibX|AVsibY|AVsibZ) != 0 {
				rd |= Vec(in.Index)
			} else {
				rd |= GPR(in.Index)
			}
		}
	}
	if at&AMx != 0 {
		rd |= SetMXCSR
		wr |= SetMXCSR
	}
	if at&(AState|AVZero) != 0 {
		rd, wr = in.stateEffects(rd, wr)
	}

	if r.Cf >= CfSys {
		rd = SetAll
	}
	fl := in.FlagEffects()
	return isa.Effects{Reads: rd, Writes: wr, FlagsRead: fl.Read, FlagsWritten: fl.Written, FlagsKilled: fl.Killed}
}

// FlagEffects is what Effects says of flags.
func (in *Inst) FlagEffects() (e isa.FlagEffects) {
	r := in.Row
	if r.Flg == 0 && r.Cf < CfSys {
		return e
	}
	fl := &flagPool[r.Flg]
	e.Read, e.Written = fl.Read&eflags, (fl.Write|fl.Undef|fl.Zero|fl.One)&eflags
	switch {
	case !fl.May:
		e.Killed = e.Written &^ (fl.Undef & keepsUndef[r.Sem])
	case r.Imm == Ib && (r.Sem == isa.Shift || r.Sem == isa.Rot):
		// A count of 0 leaves the flags alone; the CPU takes it modulo 32, or 64 for 64-bit operands.
		count := uint8(in.Imm) & 31
		if in.OpSize == 8 && opPool[r.Ops].WReg != Wb {
			count = uint8(in.Imm) & 63
		}
		if count != 0 {
			e.Killed = e.Written
		} else {
			e.Written = 0
		}
	}
	if r.Cf >= CfSys {
		e.Read = eflags
	}
	return e
}

// WritesGPR reports whether the instruction may change general register n: whether Effects has it among Writes.
func (in *Inst) WritesGPR(n uint8) bool { return in.WrittenGPRs()>>n&1 != 0 }

// WrittenGPRs are the general registers among Effects' Writes, a bit for each: found out in a tenth of the time.
func (in *Inst) WrittenGPRs() (set uint16) {
	r := in.Row
	for i := int(r.Ops); i < int(r.Ops)+int(r.NOps); i++ {
		d := &opPool[i]
		if d.Acc&AccW == 0 && d.Loc != LPop {
			continue
		}
		var reg uint8
		switch d.Loc {
		case LPush, LPop:
			set |= 1 << rsp
			continue
		case LG:
			reg = in.ModRM>>3&7 | in.Rex<<1&8
		case LMR:
			if in.HasMem {
				continue
			}
			reg = in.ModRM&7 | in.Rex<<3&8
		case LR:
			reg = in.ModRM&7 | in.Rex<<3&8
		case LB:
			reg = in.VVVV & 15
		case LZ:
			reg = in.Op&7 | in.Rex<<3&8
		case LFix, LAddr:
			reg = fixTab[d.Arg].num
			switch fixTab[d.Arg].class {
			case CGPR:
			case CGPRH:
				reg -= 4
			default:
				continue
			}
		default:
			continue
		}
		if d.Loc < LFix && reg-4 < 4 && in.width(d.WReg) == 1 && in.Pfx&(PfxRex|PfxVex|PfxEvex) == 0 {
			reg -= 4 // ah, ch, dh, bh
		}
		set |= 1 << reg
	}
	return set
}

// eflags are the bits of a flag mask that are bits of the flags register; the others are x87 condition bits.
const eflags = 1<<24 - 1

// keepsUndef says which flags that the manuals call undefined are left unchanged by some CPU, for each class: AMD's
// multiplications, bit scans, bit tests and divisions do so.
var keepsUndef = [isa.NumClasses]uint32{isa.Mul: eflags, isa.Div: eflags, isa.Ctz: eflags, isa.Clz: eflags, isa.Bt: eflags}

// implicitRegs are the registers that implicit memory operand i is addressed with.
func (in *Inst) implicitRegs(i uint8) isa.RegSet {
	switch i {
	case ImESRDI, ImRDI:
		return GPR(7)
	case ImRSI:
		return GPR(6)
	case ImRBXAL:
		return GPR(3) | GPR(0)
	case ImRBP:
		return GPR(5)
	case ImRAX:
		return GPR(0)
	}
	return GPR(in.ModRM>>3&7 | in.Rex<<1&8) // ImReg
}

// sameSource is the register that the instruction names twice without depending on it: xor and sub of a register with
// itself, and for vectors also comparisons. Writes that keep a part of the register depend on it.
func (in *Inst) sameSource() isa.RegSet {
	rm := in.ModRM&7 | in.Rex<<3&8
	switch {
	case in.Space == SpLegacy && in.Map == 0:
		switch in.Op {
		case 0x29, 0x2b, 0x31, 0x33: // sub, xor
			if in.OpSize >= 4 && rm == in.ModRM>>3&7|in.Rex<<1&8 {
				return GPR(rm)
			}
		}
	case in.Map == 1 && (in.Space == SpVEX || in.Space == SpEVEX):
		if in.Space == SpEVEX {
			rm |= in.Rex << 3 & 16
			if in.AAA != 0 && !in.Z {
				return 0
			}
		}
		if rm != in.VVVV {
			return 0
		}
		switch in.Op {
		case 0x55, 0x57, 0xdf, 0xef, // andn, xor
			0x64, 0x65, 0x66, 0x74, 0x75, 0x76, // pcmpgt, pcmpeq
			0xd8, 0xd9, 0xe8, 0xe9, 0xf8, 0xf9, 0xfa, 0xfb: // psub
			return Vec(rm)
		}
	}
	return 0
}

// stateEffects adds the registers that instructions on a part of the register file touch.
func (in *Inst) stateEffects(rd, wr isa.RegSet) (isa.RegSet, isa.RegSet) {
	const vec16 = 0xffff << vecBit
	if in.Row.Attr&AVZero != 0 {
		wr |= vec16
		if in.L == 0 { // vzeroupper keeps the lower halves
			rd |= vec16
		}
		return rd, wr
	}
	saves := false
	for i := int(in.Row.Ops); i < int(in.Row.Ops)+int(in.Row.NOps); i++ {
		if d := &opPool[i]; d.Loc == LM {
			saves = d.Acc&AccW != 0
		}
	}
	all := SetX87
	if in.Row.Sem != isa.Nop && in.Map == 1 { // XSAVE family and FXSAVE
		all = SetX87 | SetVec | SetMask | SetMXCSR | SetSys
	}
	rd |= all // what a restore does not name keeps its value
	if !saves || in.Map == 0 {
		wr |= all
	}
	return rd, wr
}

// LowEffects are the Effects for an analysis that cares for the low 128 bits of vector registers only: an SSE instruction that
// writes all of them replaces the register, although it keeps what is above.
func (in *Inst) LowEffects() isa.Effects {
	e := in.Effects()
	if in.Space != SpLegacy || in.Map == 0 {
		return e
	}
	var buf [8]Operand
	var read, replaced isa.RegSet
	ops := in.Operands(buf[:0])
	for i := range ops {
		o := &ops[i]
		switch {
		case o.Kind != OpReg || o.Class != CVec:
		case o.Acc&(AccR|AccCond|AccCW|AccMask) != 0:
			read |= Vec(o.Num)
		case o.Acc&AccW != 0 && o.Width == 16:
			replaced |= Vec(o.Num)
		}
	}
	const xorps, pxor = 0x57, 0xef
	if rm := in.ModRM&7 | in.Rex<<3&8; in.Map == 1 && (in.Op == xorps || in.Op == pxor && in.PP&1 != 0) && in.ModRM >= 0xc0 &&
		rm == in.ModRM>>3&7|in.Rex<<1&8 {
		read, replaced = 0, Vec(rm)
	}
	e.Reads &^= replaced &^ read
	return e
}
