package amd64

// Kinds of operands.
const (
	OpReg  = 1 // register Class, Num
	OpMem  = 2 // the ModRM (or moffs) operand of the Inst
	OpImm  = 3 // immediate
	OpRel  = 4 // branch displacement
	OpImpl = 5 // implicit memory: string operands, pushes, pops
)

// Operand is one operand of an instruction, explicit or implicit.
type Operand struct {
	Kind  uint8  // OpReg ...
	Acc   uint8  // AccR ...
	Class uint8  // CGPR ... of a register
	Num   uint8  // its number
	Width uint16 // bytes that are accessed; a 32-bit write of a general register also clears the upper half
	Sup   bool   // implicit
	Base  uint8  // ImESRDI ... of OpImpl with Loc LImem
	Loc   uint8  // LG ...
	Hi    bool   // the bytes are 8-15 of a vector register
}

// Operands lists the operands in the order of the tables, explicit ones as Intel writes them and then the implicit
// ones, reusing buf. A write mask that is not used is left out. Masked operands have AccMask: a destination register
// that is merged into is read as well, memory may be accessed in part.
func (in *Inst) Operands(buf []Operand) []Operand {
	buf = buf[:0]
	r := in.Row
	ev := in.Space == SpEVEX
	mem := in.HasMem
	rm := in.ModRM & 7
	reg := in.ModRM >> 3 & 7
	regx := reg | in.Rex<<1&8
	rmx := rm | in.Rex<<3&8
	vrm := rmx
	if ev {
		vrm |= in.Rex << 3 & 16
	}
	merge := ev && in.AAA != 0 && !in.Z
	for i := 0; i < int(r.NOps); i++ {
		d := &opPool[int(r.Ops)+i]
		o := Operand{Acc: d.Acc, Sup: d.Sup, Kind: OpReg, Loc: d.Loc}
		wc := d.WReg
		if mem {
			wc = d.WMem
		}
		o.Hi = wc == Wqh
		switch d.Loc {
		case LG:
			o.Class, o.Num = CGPR, regx
		case LR:
			o.Class, o.Num = CGPR, rmx
		case LB:
			o.Class, o.Num = CGPR, in.VVVV&15
		case LZ:
			o.Class, o.Num = CGPR, in.Op&7|in.Rex<<3&8
		case LV:
			o.Class, o.Num = CVec, regx|in.R4<<4
		case LU:
			o.Class, o.Num = CVec, vrm
		case LH:
			o.Class, o.Num = CVec, in.VVVV
		case LL:
			o.Class, o.Num = CVec, uint8(in.Imm)>>4
		case LP:
			o.Class, o.Num = CMMX, reg
		case LN:
			o.Class, o.Num = CMMX, rm
		case LK:
			o.Class, o.Num = CK, reg
		case LKP:
			o.Class, o.Num = CK, reg&^1
		case LKR:
			o.Class, o.Num = CK, rm
		case LKH:
			o.Class, o.Num = CK, in.VVVV&7
		case LKM:
			if in.AAA == 0 {
				continue
			}
			o.Class, o.Num = CK, in.AAA
		case LS:
			o.Class, o.Num = CSeg, reg
		case LC:
			o.Class, o.Num = CCR, regx
		case LD:
			o.Class, o.Num = CDR, regx
		case LSTi:
			o.Class, o.Num = CST, rm
		case LMR, LMU, LMN, LMKR:
			switch {
			case mem:
				o.Kind = OpMem
			case d.Loc == LMR:
				o.Class, o.Num = CGPR, rmx
			case d.Loc == LMU:
				o.Class, o.Num = CVec, vrm
			case d.Loc == LMN:
				o.Class, o.Num = CMMX, rm
			default:
				o.Class, o.Num = CK, rm
			}
		case LM, LMS, LO:
			o.Kind = OpMem
		case LA:
			o.Kind, o.Acc = OpMem, AccN
		case LIb, LIsb, LIw, LIz, LIv, LId, LI1, LI2b:
			o.Kind = OpImm
		case LJb, LJz:
			o.Kind = OpRel
		case LFix, LAddr:
			o.Class, o.Num = fixTab[d.Arg].class, fixTab[d.Arg].num
		case LImem, LPush, LPop:
			o.Kind = OpImpl
			o.Base = d.Arg
		}
		o.Width = in.width(wc)
		if o.Kind == OpMem && in.B && ev {
			o.Width = uint16(in.Elem())
		}
		// Encodings 4-7 of a byte register are ah, ch, dh, bh without REX.
		if o.Kind == OpReg && o.Class == CGPR && o.Width == 1 && o.Num-4 < 4 && d.Loc != LFix &&
			in.Pfx&(PfxRex|PfxVex|PfxEvex) == 0 {
			o.Class = CGPRH
		}
		if merge && i == 0 && o.Acc&AccW != 0 && o.Class == CVec && o.Kind == OpReg {
			o.Acc |= AccR | AccMask
		} else if ev && in.AAA != 0 && o.Kind == OpMem {
			o.Acc |= AccMask | AccCond
		}
		buf = append(buf, o)
	}
	return buf
}
