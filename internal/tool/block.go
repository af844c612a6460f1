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
	// Written are the general registers that it may change, a bit for each.
	Written uint16
}

// Effects are what the instruction does to registers and flags; those of a client request or an undefined opcode are empty.
func (in *Inst) Effects() isa.Effects {
	if in.Row == nil {
		return isa.Effects{}
	}
	return in.Inst.Effects()
}

// FlagEffects is the part of Effects that is about flags, which is cheaper.
func (in *Inst) FlagEffects() isa.FlagEffects {
	if in.Row == nil {
		return isa.FlagEffects{}
	}
	return in.Inst.FlagEffects()
}

// Op is an annotation operation. Each has one lowering per host, with a golden test of its code.
type Op uint8

const (
	// OpCheck compares the shadow of the access with 0 and leaves to Leaver.Leave if it is not. A store that finds undefined
	// bytes only makes them defined itself (shadow encoding: package shadow).
	OpCheck Op = iota
	// OpDefine makes the shadow of the bytes stored defined, without a check.
	OpDefine
	// OpStack marks what a change of the stack pointer allocates or releases.
	OpStack
	// OpReturn makes the red zone below the stack pointer undefined, in front of a return, if something was stored there.
	OpReturn
	// OpCount adds Arg to the 64-bit counter at Ptr (Host.Counters).
	OpCount
	// OpEvent appends a record with site Arg to the thread's event buffer (EventWatcher). Its value is not set.
	OpEvent
	// OpEventAddr appends records for access Mem, as Event says. The access has not been made yet.
	OpEventAddr
	// OpEventRounds appends, behind an instruction with a repeat prefix (Inst.Repeats), a record whose value is the number of
	// rounds that it has made.
	OpEventRounds
	// OpDataMiss has access Mem use the data cache of CacheSimulator. If it is missing there, 1 is added to the counter at Ptr and the
	// last level is used; if it is missing there, too, 1 is added to the counter behind. Of AVX's masked
	// moves, compressing ones, gathers and scatters, each run of neighbouring elements that is really touched is an access; other
	// operands under a mask of AVX-512 are looked up as a whole. What a repeated
	// instruction does to the caches is left to the tool: behind OpEventRounds the buffer is emptied.
	OpDataMiss
	// OpCodeMiss is OpDataMiss for the instruction itself and the code cache.
	OpCodeMiss
	// OpWhole, the first annotation of an instruction, says that all in front of it has been counted, and nothing from it on. A thread
	// that is stopped anywhere goes on to such a place, so that nothing counts twice or not at all when code is translated from
	// there. In a block that has one, each way through it comes by one.
	OpWhole
)

// Ann is one annotation of instruction Inst.
type Ann struct {
	Inst int
	Op   Op
	Mem  int        // index into Inst.Mem
	Arg  int64      // operand of the op
	Ptr  guest.Addr // counter address, also for misses
	// Behind puts an OpCount or OpEvent behind the instruction, where only control that falls through comes by: of a
	// conditional jump, the case that it is not taken. It is not for calls, returns and unconditional jumps.
	Behind bool
	// Taken puts an OpCount on the way that a conditional jump takes when it jumps.
	Taken bool
	// Lossy says of an OpCount that counts may be lost when threads add at the same moment.
	Lossy bool
	// Same says of an OpCodeMiss that the instruction's first line is that of the instruction executed before.
	Same bool
}

// Cheapest is the instruction of [from, to] that an OpCount is best put in front of: one that overwrites all flags, as the addition need
// not preserve them then, or a call, jump or return at the end, where nobody is likely to want them.
func (b *Block) Cheapest(from, to int) int {
	const arith = 0x8d5 // CF PF AF ZF SF OF
	for i := from; i <= to; i++ {
		if e := b.Insts[i].FlagEffects(); e.Killed&arith == arith && e.Read&arith == 0 {
			return i
		}
	}
	if last := &b.Insts[to]; last.Row != nil {
		switch last.Class() {
		case isa.CtlCall, isa.CtlRet, isa.CtlJmp:
			return to
		}
	}
	return from
}

// Repeats reports whether in is a string instruction with a repeat prefix: it makes any number of rounds, also none.
func (in *Inst) Repeats() bool {
	if in.Row == nil || in.Pfx&(amd64.PfxF2|amd64.PfxF3) == 0 {
		return false
	}
	for i := range in.Mem {
		if a := in.Mem[i].Addr; a == amd64.AddrRSI || a == amd64.AddrRDI {
			return in.Mem[i].Elem == 0 && in.Mem[i].Cond
		}
	}
	return false
}
