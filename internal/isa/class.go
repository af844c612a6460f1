package isa

// Class is the semantic class of an instruction: instructions of one class treat undefined bits alike, so an analysis
// needs one rule per class, with the element size and the operands as parameters.
type Class uint8

// The classes. String gives the name that instruction tables use.
const (
	ClassNone Class = iota // no instruction

	// Integer arithmetic and logic.

	AluAdd  // add, sub, neg, inc, dec: carries run upwards
	AluAdc  // add and subtract with a carry flag
	AluAnd  // bitwise and, and-not: a defined 0 decides
	AluOr   // bitwise or: a defined 1 decides
	AluXor  // bitwise exclusive or, not
	AluCmp  // subtraction for its flags only
	AluTest // and for its flags only
	Lea     // address arithmetic without access
	Mul     // integer multiplication, with or without high half
	Div     // integer division
	Shift   // shifts, also double shifts
	Rot     // rotates, with or without carry
	Bt      // test one bit, and set, clear or flip it
	Bextr   // extract a bit field given by a register; zero high bits
	Bmi1    // tricks with the lowest set bit
	Pdep    // deposit or extract bits under a mask
	Ctz     // number of trailing zeros
	Clz     // number of leading zeros
	Popcnt  // number of ones
	Crc32   // CRC step
	Bswap   // reversal of bytes
	Ext     // zero or sign extension, truncation

	// Moves and exchanges.

	Copy    // move, load, store
	Stack   // push, pop and frames
	Xchg    // exchange of two places
	Xadd    // exchange and add
	Cmpxchg // compare and exchange
	Cmov    // conditional move
	Setcc   // flag condition to byte
	Xlat    // table look-up with a computed address
	StrMovs // string move, store, load
	StrCmps // string compare and scan
	Pushf   // flags to and from the stack
	Flagop  // set, clear or copy flags
	State   // save or restore a part of the register file
	Defsrc  // result comes from outside: cpuid, time stamp, random numbers
	Nop     // nothing to see: no-ops, hints, fences, cache control, undefined opcodes

	// Control flow.

	CtlJcc  // conditional branch
	CtlJmp  // jump
	CtlCall // call
	CtlRet  // return
	CtlSys  // entry to the kernel, software interrupts, transactions
	Priv    // privileged, or virtualised: faults in user mode or yields machine state

	// Vectors.

	VCopy      // move, load, store of vectors or their low element
	VSteer     // moves elements by constants: shuffles, unpacks, inserts, extracts, broadcasts
	VExt       // widens elements
	VTrunc     // narrows elements by cutting
	VSatnarrow // narrows elements with saturation
	VMovmsk    // collects sign bits
	VPermvar   // moves elements as other elements say
	VBlendv    // selects by sign bits of a third operand
	VShift     // shifts all elements by one count
	VShiftvar  // shifts each element by its own count; funnel shifts, rotates
	VAnd       // bitwise and, and-not
	VOr        // bitwise or
	VXor       // bitwise exclusive or
	VTernlog   // any bitwise function of three operands
	VTest      // bitwise and for flags only
	VKtest     // bitwise and per element to a mask register
	VCmpeq     // equality per element
	VCmpgt     // signed greater-than per element
	VCmpk      // any comparison per element to a mask register
	VFpcmpk    // floating-point comparison per element
	VFcomi     // floating-point comparison to flags
	VLaneInt   // integer operation per element
	VLaneFp    // floating-point operation per element
	VCount     // counting per element: population, leading zeros, conflicts
	VCvt       // conversion of element type
	VHoriz     // operation over groups of neighbouring elements
	VCrypto    // AES, SHA, carry-less multiplication, Galois fields
	VPcmpstr   // string comparison of SSE4.2
	VGather    // gather and scatter
	VMaskmov   // load and store under a vector mask
	VCompress  // compress and expand under a mask register
	Vzero      // zeroes upper or whole vectors

	// Mask registers.

	KCopy  // move of a mask
	KBit   // bitwise operation on masks
	KAdd   // addition of masks
	KShift // shift of a mask
	KMask  // mask to vector, vector to mask, unpack
	KTest  // test of masks to flags

	// x87.

	X87Mov   // moves of 80-bit registers, stack motion, constants
	X87Arith // arithmetic and conversion
	X87Cmp   // comparison
	X87Cw    // control and status word

	NumClasses // number of classes
)

var classNames = [NumClasses]string{
	AluAdd:     "alu.add",
	AluAdc:     "alu.adc",
	AluAnd:     "alu.and",
	AluOr:      "alu.or",
	AluXor:     "alu.xor",
	AluCmp:     "alu.cmp",
	AluTest:    "alu.test",
	Lea:        "lea",
	Mul:        "mul",
	Div:        "div",
	Shift:      "shift",
	Rot:        "rot",
	Bt:         "bt",
	Bextr:      "bextr",
	Bmi1:       "bmi1",
	Pdep:       "pdep",
	Ctz:        "ctz",
	Clz:        "clz",
	Popcnt:     "popcnt",
	Crc32:      "crc32",
	Bswap:      "bswap",
	Ext:        "ext",
	Copy:       "copy",
	Stack:      "stack",
	Xchg:       "xchg",
	Xadd:       "xadd",
	Cmpxchg:    "cmpxchg",
	Cmov:       "cmov",
	Setcc:      "setcc",
	Xlat:       "xlat",
	StrMovs:    "str.movs",
	StrCmps:    "str.cmps",
	Pushf:      "pushf",
	Flagop:     "flagop",
	State:      "state",
	Defsrc:     "defsrc",
	Nop:        "nop",
	CtlJcc:     "ctl.jcc",
	CtlJmp:     "ctl.jmp",
	CtlCall:    "ctl.call",
	CtlRet:     "ctl.ret",
	CtlSys:     "ctl.sys",
	Priv:       "priv",
	VCopy:      "v.copy",
	VSteer:     "v.steer",
	VExt:       "v.ext",
	VTrunc:     "v.trunc",
	VSatnarrow: "v.satnarrow",
	VMovmsk:    "v.movmsk",
	VPermvar:   "v.permvar",
	VBlendv:    "v.blendv",
	VShift:     "v.shift",
	VShiftvar:  "v.shiftvar",
	VAnd:       "v.and",
	VOr:        "v.or",
	VXor:       "v.xor",
	VTernlog:   "v.ternlog",
	VTest:      "v.test",
	VKtest:     "v.ktest",
	VCmpeq:     "v.cmpeq",
	VCmpgt:     "v.cmpgt",
	VCmpk:      "v.cmpk",
	VFpcmpk:    "v.fpcmpk",
	VFcomi:     "v.fcomi",
	VLaneInt:   "v.lane.int",
	VLaneFp:    "v.lane.fp",
	VCount:     "v.count",
	VCvt:       "v.cvt",
	VHoriz:     "v.horiz",
	VCrypto:    "v.crypto",
	VPcmpstr:   "v.pcmpstr",
	VGather:    "v.gather",
	VMaskmov:   "v.maskmov",
	VCompress:  "v.compress",
	Vzero:      "vzero",
	KCopy:      "k.copy",
	KBit:       "k.bit",
	KAdd:       "k.add",
	KShift:     "k.shift",
	KMask:      "k.mask",
	KTest:      "k.test",
	X87Mov:     "x87.mov",
	X87Arith:   "x87.arith",
	X87Cmp:     "x87.cmp",
	X87Cw:      "x87.cw",
}

func (c Class) String() string {
	if c < NumClasses && c != ClassNone {
		return classNames[c]
	}
	return "none"
}
