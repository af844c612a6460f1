// Package vcpu is the processor that guest code runs on: the thread context, entry to and exit from translated code, the
// kernel-level signal handler, and the blocking system call. It knows nothing of translation: it jumps to a host address
// and tells why it came back.
//
// Segment bases (DESIGN.md, "Why is FS the thread context?"): on a guest thread FS points at its Context for the thread's
// whole life, with Go's g in the word below, where Go's own code looks for it; word 0 is the context's own address, which
// is 0 on any other Go thread and so tells the two apart. GS belongs to the tool: the shadow distance, or the guest's own FS
// base for tools without shadow. Guest code sees all 16 general registers, flags and vector state of the processor as they are.
//
// Invariants: every method is called by the OS thread that the context is attached to, unless it says otherwise. A context is
// off the Go heap; it holds no Go pointer except the g that attach copies.
//
// Signals: all handlers are ours and run on Go's signal stack with all signals masked. A fault or signal that arrives while
// translated code runs only rewrites the saved rip to the exit stub, so that the exact state of that instruction reaches Go.
package vcpu

import "gogrind/internal/guest"

// Exit kinds: the top byte of Context.Exit; generated code stores kind<<24 | argument.
const (
	ExitLink      = iota + 1 // a direct exit that is not linked yet; argument: exit record
	ExitIndirect             // indirect look-up missed; Context.IBTarget has the guest address
	ExitSyscall              // syscall instruction; argument: exit record (RIP after the instruction)
	ExitFault                // synchronous fault or trap; Signo, Siginfo, HostPC
	ExitInterrupt            // an asynchronous signal was queued; HostPC
	ExitRequest              // client request; argument: exit record
	ExitHook                 // replaced or wrapped function; argument: hook number
	ExitCheck                // a tool's check failed; argument: check record
	ExitEmulate              // an instruction that Go emulates; argument: exit record
	ExitVerify               // the fragment's guest code is to be compared with what it was; argument: fragment
	ExitEvent                // an access whose address Go computes for the event buffer; argument: check record
	ExitStep                 // the instruction of a step fragment has run
	ExitAborted              // entry was given up because a signal arrived; registers are as before
	ExitHookDone             // a replaced function has run, with its result in rax, and is to return
)

// Kind and Arg take Context.Exit apart.
func Kind(exit uint64) int { return int(exit >> 24 & 0xff) }
func Arg(exit uint64) int  { return int(exit & 0xffffff) }

// Code makes a value for Context.Exit.
func Code(kind, arg int) uint32 { return uint32(kind)<<24 | uint32(arg) }

// ringSize is the number of asynchronous signals that may wait between two exits of a thread. The thread's own handler takes one and
// leaves the rest with the kernel (Unblock), as natively a signal is taken when its handler is entered; the room is for signals that
// are never held, and those that other threads' handlers pass on.
const ringSize = 64

// holdable is the set of signals that may be kept with the kernel for a while, and that Go's own threads never take: all but those by which a processor, Go or a fork
// interrupts a thread: SIGILL SIGTRAP SIGBUS SIGFPE SIGSEGV SIGSTKFLT SIGURG SIGPROF SIGSYS and Kick.
//
//lint:ignore U1000 assembly uses it
const holdable = ^uint64(1<<3 | 1<<4 | 1<<6 | 1<<7 | 1<<10 | 1<<15 | 1<<22 | 1<<26 | 1<<30 | 1<<(Kick-1))

// XSaveOffset is where the XSAVE area (standard format) starts in a context; a multiple of 64, as XSAVE wants it.
const XSaveOffset = 0x4000

// XSaveMax is the room for it: AVX-512 needs 2,688 bytes; AMX is left to the guest's own instructions.
const XSaveMax = 0x1000

// Size is the memory of one context, without the stack of the function of SetQuick.
const Size = 0x6000

// quickStack is where that stack begins, in a context's slot less contextSkew, with room above it for arguments.
//
//lint:ignore U1000 assembly uses it
const quickStack = slot - contextSkew - 0x80

//lint:ignore U1000 assembly uses it
const returnPlane = guest.ReturnPlane

// SigInfo is the kernel's siginfo_t, raw.
type SigInfo [128]byte

// Context is the state of one guest thread that generated code and assembly use. Its size stays below XSaveOffset.
// Generated code and assembly address fields by offset: see the constants in offsets.go and their test.
type Context struct {
	Self   uint64 // address of this context
	HostFS uint64 // FS base of the OS thread before attach
	Regs   guest.Regs
	HostSP uint64
	State  uint64 // 1 while translated code runs
	Exit   uint64 // why it came back: kind<<24 | argument
	Left   uint64 // Exit as generated code had left it when a fault or signal replaced it
	Target uint64 // host address to enter at
	HostPC uint64 // host address that a fault or signal interrupted
	Signo  uint64
	Err    uint64 // page-fault error code, trap number and address of the fault, from the kernel's frame
	TrapNo uint64
	CR2    uint64

	Pending  uint64 // not 0: return to Go at the next chance
	Dead     uint64 // thread must not run guest code any more (after fork, at exit)
	IBTarget uint64 // guest address wanted by an indirect branch
	Spill    [18]uint64
	XMask    uint64 // components saved and restored
	TID      uint64
	IRet     [5]uint64 // frame of the stepping entry
	Restarts uint64    // system calls given up before they began
	InKernel uint64    // 1 during Syscall: the thread does nothing in Go before it has seen that no fork is under way

	Held         uint64 // 1: the handler has blocked the signals of holdable
	RingW, RingR uint64 // free-running positions in Ring; W by the signal handler, R by Go
	Info         SigInfo
	Ring         [ringSize]SigInfo

	RedZone uint64 // start of the red zone that the running function has stored to; 0: it has not
	Dirty   uint64 // version of the code that runs (package jit): which registers hold undefined bits
	// RetTarget is where a return goes that dirty code has made: the guest's return address.
	RetTarget uint64
	Vec0      [2]uint64 // xmm0 while a shared routine of generated code uses it
	// Search has zmm16 to zmm18 and k1 while a shared routine uses them, from its first whole line on (OffSearch): to give a vector
	// back that lies in two lines takes ten times as long.
	Search [3*64 + 8 + 63]byte
	V      guest.VBits // of registers that hold undefined bits, while dirty code runs
	// NoVec is 1 where translated code leaves at the start of a function that takes no vector or x87 registers as arguments: their
	// values are nobody's business, and are neither saved nor restored. XSave makes the next entry restore what it gives out.
	NoVec  uint64
	Events uint64 // where generated code appends the next event record
	Thread uint64 // number of the guest thread, for the function of SetQuick
	// Quick is not 0 while that function does what may fault on guest memory; it is what the function has made it when such a fault
	// has made the thread leave.
	Quick uint64
}
