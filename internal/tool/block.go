package tool

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// AccessKind is the direction of a memory access.
type AccessKind = isa.AccessKind

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
	Mem []amd64.Access
	// Effects are what the instruction does to registers and flags.
	Effects isa.Effects
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
