package tool

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// AccessKind says what a memory access does.
type AccessKind uint8

const (
	Load   AccessKind = 1
	Store  AccessKind = 2
	Modify AccessKind = Load | Store
)

// Block is a piece of guest code, straight but for side exits, that is being translated.
type Block struct {
	Start guest.Addr
	Insts []Inst
	// Anns is what Instrument asks for, in the order asked. The translator groups them by instruction.
	Anns []Ann
}

// Inst is one guest instruction of a block.
type Inst struct {
	PC   guest.Addr
	Code []byte // its bytes, valid during Instrument
	*amd64.Inst
	// Mem are the instruction's memory accesses with explicit or implicit address, in the order it makes them.
	Mem []MemRef
}

// MemRef is one memory access of an instruction.
type MemRef struct {
	Kind AccessKind
	Size int  // bytes; for rep string instructions the element size
	Cond bool // may not happen, or only in part (masked, rep, cmov)
	// Operand is its index in the operands of the instruction.
	Operand int
}

// Op is an annotation operation. Each has one lowering per host, with a golden test of its code.
type Op uint8

const (
	// OpCheck compares the shadow of the access with 0 and leaves to Leaver.Leave if it is not and one of its bytes
	// is no-access (shadow encoding: package shadow).
	OpCheck Op = iota
	// OpDefine makes the shadow of the bytes stored defined. It is placed before the store, after OpCheck.
	OpDefine
	// OpStack marks what a change of the stack pointer allocates or releases.
	OpStack
	// OpCount adds Arg to the 64-bit counter at Ptr.
	OpCount
)

// Ann is one annotation of instruction Inst.
type Ann struct {
	Inst int
	Op   Op
	Mem  int        // index into Inst.Mem
	Arg  int64      // operand of the op
	Ptr  guest.Addr // counter address
}
