package amd64

import "gogrind/internal/isa"

// Inst is a decoded instruction. Decode fills all of it; it refers to no memory but the static Row.
type Inst struct {
	Len     uint8 // bytes
	OpOff   uint8 // offset of the last opcode byte
	ModOff  uint8 // offset of ModRM, 0 for none
	SibOff  uint8 // offset of SIB, 0 for none
	DispOff uint8
	DispLen uint8 // 0, 1, 4; address size for moffs
	ImmOff  uint8
	ImmLen  uint8
	RexOff  uint8 // offset of a REX prefix that counts, NoReg for none
	VexOff  uint8 // offset of the VEX, EVEX or XOP prefix, NoReg for none

	Space, Map, Op uint8
	PP             uint8 // mandatory prefix: 1 66, plus 2 F2 or 4 F3
	W, L           uint8 // W; vector length 0, 1, 2
	ModRM, SIB     uint8
	Rex            uint8 // W R X B as bits 3-0, of any prefix that has them, not inverted
	R4, X4         uint8 // EVEX R' and V', not inverted
	VVVV           uint8 // register 0-31
	AAA            uint8 // write mask, 0 for none
	Z, B           bool  // EVEX: zeroing; broadcast or rounding
	Rounding       uint8 // EVEX: rounding mode when B and no memory operand: nearest, down, up, zero
	Pfx            uint16
	Seg            uint8 // segment override in effect: SegNone ... SegGS. Only fs and gs have a base in 64-bit mode.
	OpSize         uint8 // effective operand size: 2, 4, 8
	ASize          uint8 // effective address size: 4, 8

	HasMem bool  // the fields below describe a ModRM or moffs operand
	Base   uint8 // 0-15, RIP, NoReg
	Index  uint8 // 0-15, for VSIB a vector register 0-31, NoReg
	Scale  uint8 // 1, 2, 4, 8
	Disp   int64 // displacement in bytes, EVEX's already multiplied; the whole address for moffs
	Imm    int64 // first immediate or branch displacement, sign-extended
	Imm2   int64 // second immediate
	Row    *Row
}

// Bits of Inst.Pfx. F2 and F3: the last of them counts.
const (
	Pfx66 = 1 << iota
	Pfx67
	PfxF2
	PfxF3
	PfxLock
	PfxRex
	PfxVex // VEX or XOP
	PfxEvex
)

// Values of Inst.Seg and Mem.Seg.
const (
	SegNone = iota
	SegES
	SegCS
	SegSS
	SegDS
	SegFS
	SegGS
)

// RIP is the Base of operands relative to the next instruction, NoReg stands for no register and for no offset.
const (
	RIP   = 16
	NoReg = 0xff
)

// Mnem is the mnemonic in upper case. Different forms may have different mnemonics where Intel has one
// ("REP_MOVSB", "CALL_NEAR").
func (in *Inst) Mnem() string { return in.Row.Name() }

// Name is the mnemonic of the form.
func (r *Row) Name() string { return mnemStr[mnemOff[r.Mnem]:mnemOff[r.Mnem+1]] }

// Class is the semantic class of the instruction.
func (in *Inst) Class() isa.Class { return in.Row.Sem }

// Flags is the effect on flags that the form declares. Effects has it refined by immediates.
func (in *Inst) Flags() *FlagEff { return &flagPool[in.Row.Flg] }

func (r *Row) operands() []OpDesc { return opPool[r.Ops : int(r.Ops)+int(r.NOps)] }

// Elem is the size of a source element in bytes, 0 for forms without elements.
func (in *Inst) Elem() int {
	if e := in.Row.Elem; e != elemByW {
		return int(e)
	}
	return 4 << in.W
}

// ReadsDest reports whether the operation itself reads its first operand: merging under a write mask does not count.
func (in *Inst) ReadsDest() bool { return in.Row.NOps > 0 && opPool[in.Row.Ops].Acc&AccR != 0 }

// disp8N is the unit of EVEX's 8-bit displacement.
func (in *Inst) disp8N() int {
	if in.B {
		return in.Elem()
	}
	r := in.Row
	if r.NTup != 0 {
		return int(in.width(r.NTup))
	}
	for i := range r.operands() {
		switch o := &opPool[int(r.Ops)+i]; o.Loc {
		case LM, LMR, LMU, LMN, LMKR, LMS, LA:
			return int(in.width(o.WMem))
		}
	}
	return 1
}

// width is the size in bytes that width code c means for the instruction.
func (in *Inst) width(c uint8) uint16 {
	switch c {
	case Wv:
		return uint16(in.OpSize)
	case Wz:
		return min(uint16(in.OpSize), 4)
	case Wy:
		return 4 << in.W
	case Wa:
		return uint16(in.ASize)
	case Ws:
		if in.OpSize == 2 {
			return 2
		}
		return 8
	case Ws2:
		return 2 * uint16(in.OpSize)
	case Ws5:
		return 5 * uint16(in.OpSize)
	case Wp:
		return 2 + uint16(in.OpSize)
	case Wx:
		return 16 << in.L
	case Wh:
		return 8 << in.L
	case Wf:
		return 4 << in.L
	case We:
		return 2 << in.L
	case Wdd:
		return [...]uint16{8, 32, 64}[in.L]
	}
	return wFixed[c]
}
