// Package amd64 decodes, describes and re-encodes x86-64 user-mode instructions.
package amd64

import "gogrind/internal/isa"

type Space = uint8

const (
	SpLegacy = iota
	SpVEX
	SpEVEX
	Sp3DNow
	SpXOP
)

// Row is one opcode form. 24 bytes.
type Row struct {
	Mask  uint32 // accept mask over the one-hot key
	Attr  uint32
	Mnem  uint16
	Ops   uint16 // start in opPool
	Flg   uint16 // index into flagPool
	NOps  uint8
	Imm   uint8
	Elem  uint8 // element size in bytes; 0x10|: by W (4/8)
	NTup  uint8 // disp8 scale override (width code) or 0
	Cf    uint8
	XType uint8
	Sem   isa.Class
}

// one-hot key layout
const (
	kPP  = 0  // 6 bits
	kW   = 6  // 2
	kL   = 8  // 3
	kMod = 11 // 2
	kReg = 13 // 8
	kRm  = 21 // 8
)

type OpDesc struct {
	Loc  uint8
	Acc  uint8
	WMem uint8 // width code if the rm is memory (or generic)
	WReg uint8
	Arg  uint8 // fixed register etc.
	Sup  bool
}

// Access bits.
const (
	AccR    = 1
	AccW    = 2
	AccCond = 4 // the read and/or write may not happen
	AccN    = 8 // address only (nop/prefetch)
	AccMask = 16
	AccCW   = 32 // write conditional, read unconditional ("rcw")
)

const (
	LNone = iota
	LG
	LR
	LMR
	LM
	LMS
	LB
	LZ
	LV
	LU
	LMU
	LH
	LL
	LP
	LN
	LMN
	LK
	LKR
	LMKR
	LKH
	LKM
	LS
	LC
	LD
	LSTi
	LA
	LO
	LIb
	LIsb
	LIw
	LIz
	LIv
	LId
	LI1
	LI2b
	LJb
	LJz
	LFix  // fixed register, Arg
	LAddr // address register updated by string op, Arg
	LImem // implicit memory, Arg = which
	LPush
	LPop
	LKP // pair of k registers (reg&^1, reg|1)
)

// Width codes.
const (
	WNone = iota
	Wb
	Ww
	Wd
	Wq
	Wdq
	Wqq
	Woq
	Wt
	Wv
	Wz
	Wy
	Wa
	Ws
	Ws2
	Ws5
	Wp
	Wx
	Wh
	Wf
	We
	Wdd
	Wm14
	Wm28
	Wm48
	Wm94
	Wm108
	Wm512
	Wm576
	Wqh // bytes 8..15 of an xmm register
)

var wFixed = [...]uint16{Wb: 1, Ww: 2, Wd: 4, Wq: 8, Wdq: 16, Wqq: 32, Woq: 64, Wt: 10, Wm14: 14, Wm28: 28, Wm48: 48, Wm94: 94, Wm108: 108, Wm512: 512, Wm576: 576, Wqh: 8}

// Attr bits.
const (
	AModRM = 1 << iota
	ALock
	ABc
	AEr
	ASae
	ANoVV
	ANoZ
	ANoK
	AMx
	AScalar
	AAlign
	AD64
	AF64
	ARing0
	AGather
	AScatter
	AVsibX
	AVsibY
	AVsibZ
	ANop
	APrefetch
	AState
	ARexB
	ANt
	AEmbc
	AUndoc
	ANoW
	AKctl
	AChk // register-number #UD rules apply
	APlusR
	ARmReg // ModRM.mod is ignored, rm is always a register
)

const AVZero = 1 << 31 // vzeroupper/vzeroall

// Register numbering: class<<5 | num
const (
	RNone = 0xffff
)
const (
	CGPR = iota
	CVec
	CK
	CMMX
	CST
	CSeg
	CCR
	CDR
	CIP
	CMisc // flags, mxcsr, x87status...
	CGPRH // ah,ch,dh,bh
)

const (
	CfNone = iota
	CfJcc
	CfJmp
	CfCall
	CfRet
	CfSys
	CfInt
)

// Numbers of registers of class CMisc.
const (
	MiscRFlags = iota
	MiscMXCSR
	MiscX87Status
	MiscX87Control
	MiscX87Tag
	MiscX87Push
	MiscX87Pop
	MiscX87Pop2
	MiscXCR0
	MiscSSP
	MiscFSBase
	MiscGSBase
	MiscTSC
	MiscTSCAux
	MiscMSRs
	MiscGDTR
	MiscIDTR
	MiscLDTR
	MiscTR
	MiscCR0
	MiscUIF
	MiscRIP
	MiscFS
	MiscGS
	MiscSS
)

// Immediate kinds.
const (
	INone = iota
	Ib
	Iw
	Iz
	Iv
	Id
	IwIb
	IbIb
	IJb
	IJz
	IO
)

// Mem is the decoded ModRM memory operand.
type Inst struct {
	Len     uint8
	OpOff   uint8 // offset of last opcode byte
	ModOff  uint8 // offset of ModRM (0: none)
	SibOff  uint8
	DispOff uint8
	DispLen uint8
	ImmOff  uint8
	ImmLen  uint8
	RexOff  uint8 // offset of REX byte (0xff none)
	VexOff  uint8 // offset of VEX/EVEX (0xff none)

	Space, Map, Op uint8
	PP             uint8 // 0 none 1 66 2 F2 3 F2+66 4 F3 5 F3+66
	W, L           uint8
	ModRM, SIB     uint8
	Rex            uint8 // normalised WRXB (positive logic)
	R4, X4         uint8 // EVEX R' / V'
	VVVV           uint8 // 0..31
	AAA            uint8
	Z, B           bool
	Pfx            uint16
	Seg            uint8 // 0 none, 1 es 2 cs 3 ss 4 ds 5 fs 6 gs
	OpSize         uint8 // 2,4,8 effective operand size
	ASize          uint8 // 4,8

	HasMem bool
	Base   uint8 // 0-15, 16 rip, 0xff none
	Index  uint8 // 0-15 (0-31 vector), 0xff none
	Scale  uint8
	Disp   int64
	Imm    int64
	Imm2   int64
	Row    *Row
}

const (
	Pfx66 = 1 << iota
	Pfx67
	PfxF2
	PfxF3
	PfxLock
	PfxRex
	PfxVex
	PfxEvex
	PfxDupSeg
)

// Kinds of operands.
const (
	OpReg  = 1 // register Class, Num
	OpMem  = 2 // the memory operand of ModRM (or moffs)
	OpImm  = 3 // immediate
	OpRel  = 4 // branch displacement
	OpImpl = 5 // implicit memory: string operands, pushes, pops
)

type Operand struct {
	Kind  uint8 // OpReg ...
	Acc   uint8
	Class uint8
	Num   uint8
	Width uint16
	Sup   bool
	Base  uint8 // implicit mem
	Index uint8
	Seg   uint8
	Loc   uint8
	Hi    bool // Width bytes start at byte 8
}
