// Package vbits says what an instruction does to V bits: which bits of its results are undefined, given which bits of its
// inputs are. There is one rule for each semantic class of the instruction table (isa.Class), with the operands and element sizes
// of the row as parameters; an instruction without a rule makes all its results undefined when any input is.
//
// The rules are as exact as a look at one instruction can make them: an output bit is undefined only if some choice of the
// undefined input bits changes it (or where a test names the exception). They never err to the other side.
//
// The package executes nothing. Before an instruction runs, Machine.Step looks at the values and V bits that it is going to read,
// says where undefined bits matter at once (Use) and collects what the instruction does to V bits; Commit makes that the state,
// when the instruction has run. Memory changes its V bits in Step itself, before the data, so that another thread that sees the data
// sees V bits that are as new.
//
// A V bit is 1 when the bit is undefined. Origins tell where undefined bits come from: one number for each register, 0 for none.
//
// Concurrency: a Machine belongs to one guest thread; different Machines are independent.
package vbits

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// File holds the V bits of a thread's registers.
type File struct {
	GPR [16]uint64 // in the numbering of ModRM and REX
	// Flags are at the places of the flags in rflags. Bits 32 and above belong to this package, and are 0 when no flag is undefined.
	Flags uint64
	Vec   [32][8]uint64 // zmm0-31, lowest quadword first
	Mask  [8]uint64     // k0-7
	// ST are the x87 registers by physical number: 64 bits of significand (the MMX register), then sign and exponent.
	ST   [8][2]uint64
	FPSW uint64 // x87 status word
}

// StatusFlags are the bits of File.Flags that stand for flags; the others are this package's.
const StatusFlags = 1<<32 - 1

// Origins are where the undefined bits of the registers come from, in the order of File. Number 0 is unknown.
type Origins struct {
	GPR   [16]uint32
	Flags uint32
	Vec   [32]uint32
	Mask  [8]uint32
	ST    [8]uint32
	FPSW  uint32
}

// Values gives the values that registers have before the instruction.
type Values interface {
	Regs() *guest.Regs
	// Vec stores vector register n (0-31) in v.
	Vec(n uint8, v *[8]uint64)
	Mask(n uint8) uint64
	// ST stores physical x87 register n as in File.
	ST(n uint8, v *[2]uint64)
	// FPSW is the x87 status word; bits 11-13 are the number of the physical register that is st(0).
	FPSW() uint16
	FPCW() uint16
	// FPTW has a bit for each physical x87 register, 0 if it is empty.
	FPTW() uint8
	// Component is the offset of XSAVE's state component i, 2 to 7, in the standard format (cpuid leaf 0xd); 0 if there is none.
	Component(i int) int
}

// Memory gives guest memory and its V bits. Bytes that may not be accessed are not its business: their values read as 0, and
// their V bits are what the owner wants them to be after the error.
type Memory interface {
	Load(p []byte, a guest.Addr)
	LoadV(v []byte, a guest.Addr)
	// StoreV sets the V bits of bytes that may be accessed, with their origin.
	StoreV(v []byte, a guest.Addr, origin uint32)
	// Origin says where the first undefined byte of the n bytes at a comes from.
	Origin(a guest.Addr, n int) uint32
}

// UseKind says what an undefined value is used for.
type UseKind uint8

const (
	// UseCondition: a conditional branch, or the count or condition of a repeated string instruction, depends on it.
	UseCondition UseKind = iota
	// UseAddress: a memory access is made at an address that depends on it.
	UseAddress
	// UseTarget: a jump, call or return goes to where it says.
	UseTarget
)

// Use is a place where undefined bits change what the program does.
type Use struct {
	Kind   UseKind
	Size   int // bytes of the value: 8 for addresses
	Origin uint32
}

// Machine is the V-bit state of one guest thread.
type Machine struct {
	File    File
	Origins Origins
	// Uses are what the last Step found, in the order in which the instruction comes across them.
	Uses []Use
	// Unknown counts instructions that had undefined inputs and no rule of their own, by class.
	Unknown [isa.NumClasses]uint64
	// surely has registers that are known to be defined.
	surely isa.RegSet
	// NoOrigins leaves origins out: all are 0.
	NoOrigins bool

	step
}

// Step works out what in, which stands at pc and has not run yet, does. Addresses are computed with the registers of v.
// It calls mem.StoreV for what the instruction stores. Neither in nor v are kept.
func (m *Machine) Step(in *amd64.Inst, v Values, mem Memory) {
	m.begin(in, v, mem)
	if rule := m.plan.rule; rule == nil || !rule(m) {
		m.fallback()
	}
	m.origins()
}

// Commit makes the results of the last Step the state of the registers: the instruction has run.
func (m *Machine) Commit() { m.commit() }

// A rule handles one instruction of its class and reports whether it knows it; if not, it has done nothing.
type rule func(m *Machine) bool

// Clean reports whether no register holds an undefined bit.
func (m *Machine) Clean() bool { return m.Dirty() == 0 && m.File.Flags == 0 }

// Dirty is the set of registers that hold undefined bits. Flags are not part of register sets: see File.Flags.
func (m *Machine) Dirty() isa.RegSet {
	f := &m.File
	var dirty isa.RegSet
	for s := amd64.SetAll &^ m.surely; s != 0; s &= s - 1 {
		one := s & -s
		var undefined bool
		switch n := uint8(one.First()); {
		case one&amd64.SetGPR != 0:
			undefined = f.GPR[n] != 0
		case one&amd64.SetVec != 0:
			undefined = f.Vec[n-firstVec] != [8]uint64{}
		case one&amd64.SetMask != 0:
			undefined = f.Mask[n-firstMask] != 0
		case one == amd64.SetX87:
			undefined = f.ST != [8][2]uint64{} || f.FPSW != 0
		}
		if undefined {
			dirty |= one
		} else {
			m.surely |= one
		}
	}
	return dirty
}

// Changed must be called when File was changed by others than Commit, before Dirty or Clean are called.
func (m *Machine) Changed() { m.surely, m.merges.known = 0, 0 }

// Moved must be called when the V bits of r in File were changed by code that has run meanwhile, before Dirty or Clean are called.
// What is remembered of other instructions stays: its use looks at values.
func (m *Machine) Moved(r isa.RegSet) { m.surely &^= r }

// Bits of a register set that vector and mask registers begin at.
var firstVec, firstMask = uint8(amd64.Vec(0).First()), uint8(amd64.KReg(0).First())
