package amd64

import "gogrind/internal/isa"

//go:generate go run gogrind/tools/isagen -o tables_gen.go base.tab x87.tab sse.tab avx.tab avx512.tab amd.tab

// Space is the way an instruction is encoded.
type Space = uint8

// The encoding spaces.
const (
	SpLegacy = iota
	SpVEX
	SpEVEX
	Sp3DNow
	SpXOP
)

// Row is one opcode form: a line of the instruction tables, expanded. Rows are immutable.
type Row struct {
	Mask uint32 // keys that match, see key
	Attr uint32 // AModRM ...
	Mnem uint16 // index into mnemOff
	Ops  uint16 // first operand in opPool
	Flg  uint16 // index into flagPool
	NOps uint8
	Imm  uint8     // encoding of immediates: INone ...
	Elem uint8     // element size of the sources in bytes, 0 if the form has no elements, elemByW: 4 or 8 by W
	NTup uint8     // width code of the unit of EVEX's 8-bit displacement, 0: the operand's width
	Cf   uint8     // control flow: CfNone ...
	Type Type      // element type of the result
	Sem  isa.Class // semantic class
	Ext  Ext       // instruction set extension that the form belongs to
}

// Ext is an instruction set extension, by the names that the tables use.
type Ext uint8

func (e Ext) String() string { return extNames[e] }

// Type is the type of vector elements.
type Type uint8

// The element types: unsigned, signed, floating point.
const (
	TypeNone Type = iota
	TypeU8
	TypeU16
	TypeU32
	TypeU64
	TypeU128
	TypeI1 // single bits
	TypeI8
	TypeI16
	TypeI32
	TypeI64
	TypeF16
	TypeBF16
	TypeF32
	TypeF64
	Type2F16 // complex numbers
)

var typeBytes = [...]uint8{TypeNone: 0, TypeU8: 1, TypeU16: 2, TypeU32: 4, TypeU64: 8, TypeU128: 16, TypeI1: 1, TypeI8: 1,
	TypeI16: 2, TypeI32: 4, TypeI64: 8, TypeF16: 2, TypeBF16: 2, TypeF32: 4, TypeF64: 8, Type2F16: 4}

// Bytes is the size of an element, 0 for TypeNone.
func (t Type) Bytes() int { return int(typeBytes[t]) }

const elemByW = 0x80 // Row.Elem of forms whose element size W selects

// The key of an instruction has one bit set for each of its selectors: mandatory prefix (6 bits), W (2), vector length
// (3), ModRM.mod memory or register (2), ModRM.reg (8), ModRM.rm (8). A row matches when its Mask has them all.
const (
	kPP  = 0
	kW   = 6
	kL   = 8
	kMod = 11
	kReg = 13
	kRm  = 21
)

// OpDesc is one operand of a row.
type OpDesc struct {
	Loc  uint8 // LG ...
	Acc  uint8 // AccR ...
	WMem uint8 // width code if ModRM.rm is memory
	WReg uint8 // width code if it is a register
	Arg  uint8 // register (LFix, LAddr) or addressing (LImem)
	Sup  bool  // implicit
}

// Accesses to operands.
const (
	AccR    = 1  // read
	AccW    = 2  // written
	AccCond = 4  // what R and W say may not happen
	AccN    = 8  // address only: no-ops, prefetches, lea
	AccMask = 16 // under a mask: parts may not be accessed, or keep their value
	AccCW   = 32 // the write may not happen, the read does
)

// Locations of operands. r/m is ModRM.rm.
const (
	LNone = iota
	LG    // general register, ModRM.reg
	LR    // general register, r/m
	LMR   // general register or memory, r/m
	LM    // memory, r/m
	LMS   // memory with vector of indices (VSIB)
	LB    // general register, vvvv
	LZ    // general register, opcode
	LV    // vector register, ModRM.reg
	LU    // vector register, r/m
	LMU   // vector register or memory, r/m
	LH    // vector register, vvvv
	LL    // vector register, bits 7-4 of the immediate
	LP    // MMX register, ModRM.reg
	LN    // MMX register, r/m
	LMN   // MMX register or memory, r/m
	LK    // mask register, ModRM.reg
	LKR   // mask register, r/m
	LMKR  // mask register or memory, r/m
	LKH   // mask register, vvvv
	LKM   // write mask
	LS    // segment register, ModRM.reg
	LC    // control register, ModRM.reg
	LD    // debug register, ModRM.reg
	LSTi  // x87 register, r/m
	LA    // address of memory r/m, without access
	LO    // memory at an absolute address (moffs)
	LIb   // immediates
	LIsb
	LIw
	LIz
	LIv
	LId
	LI1   // the constant 1
	LI2b  // second immediate, one byte
	LJb   // branch displacements
	LJz   //
	LFix  // the register Arg
	LAddr // address register that a string instruction moves
	LImem // implicit memory
	LPush // store below the stack pointer
	LPop  // load from the stack pointer
	LKP   // pair of mask registers: ModRM.reg with the lowest bit clear and set
)

// Implicit memory operands, OpDesc.Arg of LImem.
const (
	ImESRDI = iota // es:[rdi]
	ImRSI          // [rsi]
	ImRDI          // [rdi]
	ImRAX          // [rax]
	ImRBP          // [rbp]
	ImRBXAL        // [rbx+al]
	ImReg          // es:[ModRM.reg]
)

// Width codes. Those without a fixed size depend on operand size, address size, W or vector length.
const (
	WNone  = iota
	Wb     // 1
	Ww     // 2
	Wd     // 4
	Wq     // 8
	Wdq    // 16
	Wqq    // 32
	Woq    // 64
	Wt     // 10
	Wv     // operand size
	Wz     // operand size, at most 4
	Wy     // 8 with W, else 4
	Wa     // address size
	Ws     // stack width
	Ws2    // two operand sizes
	Ws5    // five operand sizes
	Wp     // far pointer
	Wx     // vector length
	Wh     // half of it
	Wf     // a fourth
	We     // an eighth
	Wdd    // movddup's source: 8, 32, 64 by vector length
	Wm14   // x87 environments
	Wm28   //
	Wm48   // Key Locker handle
	Wm94   // x87 states
	Wm108  //
	Wm512  // FXSAVE area
	Wm576  // XSAVE area; the true size depends on the components
	Wqh    // bytes 8-15 of a vector register
	nWidth // number of codes
)

var wFixed = [nWidth]uint16{Wb: 1, Ww: 2, Wd: 4, Wq: 8, Wdq: 16, Wqq: 32, Woq: 64, Wt: 10, Wm14: 14, Wm28: 28, Wm48: 48,
	Wm94: 94, Wm108: 108, Wm512: 512, Wm576: 576, Wqh: 8}

// Attributes of rows.
const (
	AModRM    = 1 << iota // has a ModRM byte
	ALock                 // LOCK allowed with a memory destination
	ABc                   // EVEX.b broadcasts memory
	AEr                   // EVEX.b between registers: rounding
	ASae                  // EVEX.b between registers: no exceptions
	ANoVV                 // vvvv must be 1111
	ANoZ                  // no zeroing
	ANoK                  // no write mask
	AMx                   // MXCSR is read, floating-point exceptions are raised
	AScalar               // works on the lowest element
	AAlign                // memory operand must be aligned
	AD64                  // operand size is 64 bits unless 66
	AF64                  // operand size is always 64 bits
	ARing0                // privileged
	AGather               // VSIB load
	AScatter              // VSIB store
	AVsibX                // index vector xmm
	AVsibY                // or ymm
	AVsibZ                // or zmm
	ANop                  // no-op with operands
	APrefetch             // hint about its memory operand
	AState                // saves, restores or resets a part of the register file
	ARexB                 // needs REX.B
	ANt                   // non-temporal
	ANoW                  // operand size ignores W
	AKctl                 // the write mask selects between sources
	AChk                  // register numbers may be invalid
	APlusR                // register in the opcode
	ARmReg                // ModRM.mod is ignored: r/m is a register
	AVZero                // clears vector registers
)

// fixedReg is a register that a form names.
type fixedReg struct{ class, num uint8 }

// Classes of registers.
const (
	CGPR  = iota // rax ... r15
	CVec         // xmm, ymm, zmm 0-31
	CK           // k0-k7
	CMMX         // mm0-mm7
	CST          // st(0)-st(7)
	CSeg         // es cs ss ds fs gs
	CCR          // control registers
	CDR          // debug registers
	CIP          // rip
	CMisc        // MiscRFlags ...
	CGPRH        // ah ch dh bh, numbered 4-7
)

// Control flow.
const (
	CfNone = iota
	CfJcc  // conditional branch: jcc, loop, jrcxz, xbegin
	CfJmp
	CfCall
	CfRet
	CfSys // syscall, sysenter
	CfInt // software interrupt, return from system mode
)

// Numbers of registers of class CMisc. x87push and x87pop are the motion of the register stack.
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

// Encodings of immediates.
const (
	INone = iota
	Ib    // one byte, sign-extended in Inst.Imm
	Iw
	Iz // 2 or 4 bytes by operand size
	Iv // 2, 4 or 8 bytes
	Id
	IwIb // enter: Imm and Imm2
	IbIb
	IJb // branch displacement
	IJz
	IO // moffs
)

// FlagEff is the effect of an instruction on flags. The masks are bits of EFLAGS; the x87 condition bits C0-C3 are
// bits 24-27.
type FlagEff struct {
	Read, Write, Undef, Zero, One uint32
	// May: the flags may also stay as they are, all of them (shift by 0, rep with count 0).
	May bool
}
