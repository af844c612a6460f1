package tool

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// Exact is a tool whose annotations hold only while all registers are defined. When a check fails because of undefined bytes, or
// when the tool makes registers undefined itself, the thread leaves fast code, and the core runs instructions one by one, with
// the tool looking at each, until no register holds an undefined bit. Pieces of code that touch no register with undefined bits
// run as fast as any in the meantime.
type Exact interface {
	// Exact makes the state of a new thread, whose registers are all defined.
	Exact(t Thread) ExactThread
	// Tags says that undefined bytes have tags, which translated code carries along with their V bits: in memory guest.Tagged bytes
	// have them, and 0 stands for none.
	Tags() bool
}

// ExactThread is what a tool keeps of one thread's registers. Its methods are called on the thread's own OS thread, with the
// thread in the core.
type ExactThread interface {
	// Step is called before in, which is at r.Regs().RIP, runs.
	Step(r Registers, in *amd64.Inst)
	// Waits reports whether the tool wants to see the instruction at pc because of those before it, whatever it does to V bits.
	Waits(pc guest.Addr) bool
	// Follow tells that the instruction at pc is about to be stepped although Leave, just called for an access of it, has not asked for
	// that. What Leave has reported is not to be reported again.
	Follow(pc guest.Addr)
	// Done is called when the instruction of the last Step has run. It is not called when the instruction faulted.
	Done() Dirty
	// Undo is called instead when it has not run, because of a fault or a signal. A repeated instruction may have run for some of
	// its rounds: then r has what they left, and the rest is a Step of its own.
	Undo(r Registers)
	// Keep tells that registers outside d have been overwritten with defined values.
	Keep(d Dirty)
	// Spread stores the V bits of general and vector registers of d in v, for translated code to work with. Gather takes them back;
	// registers outside d have been overwritten with defined values.
	Spread(d Dirty, v *guest.VBits)
	Gather(d Dirty, v *guest.VBits)
	// PlaceTag is the tag of wholly undefined bytes without one that in, a load at RIP, finds: one that does not depend on when it
	// runs, because it reads from its own stack frame. It is 0 for other loads.
	PlaceTag(in *amd64.Inst) uint32
	// Define makes registers defined that the core has written to: the results of system calls, hooks and requests.
	Define(r isa.RegSet) Dirty
	// Push keeps the present state under key and starts anew with all registers defined: a signal handler begins, or a function
	// that the core calls. Pop makes the state that was kept under key the present one, and forgets those pushed after it; without
	// one, all registers are defined. again is true when the state is that of an instruction that is to be stepped again, after
	// Undo.
	Push(key guest.Addr)
	Pop(key guest.Addr) (d Dirty, again bool)
}

// Dirty is a set of registers and flags that hold undefined bits.
type Dirty struct {
	Regs  isa.RegSet
	Flags uint32 // bits of rflags
}

// Empty reports whether d has no register and no flag.
func (d Dirty) Empty() bool { return d == Dirty{} }

// Registers gives the values of a thread's registers while it is in the core.
type Registers interface {
	Regs() *guest.Regs
	// Vec stores vector register n (0-31) in v, lowest quadword first.
	Vec(n uint8, v *[8]uint64)
	Mask(n uint8) uint64
	// ST stores physical x87 register n: 64 bits of significand, then sign and exponent.
	ST(n uint8, v *[2]uint64)
	FPSW() uint16
	FPCW() uint16
	// FPTW has a bit for each physical x87 register, 0 if it is empty.
	FPTW() uint8
	// Component is the offset of XSAVE's state component i, 2 to 7, in the standard format (cpuid leaf 0xd); 0 if there is none.
	Component(i int) int
}
