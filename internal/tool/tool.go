// Package tool is the contract between the core, which runs a guest program, and the tools that analyse it.
//
// A tool is a value with the five methods of Tool; every further ability is a small interface that the core looks for
// once at start (HeapReplacer, MemoryWatcher, ...). The package holds no state and runs nothing.
//
// Concurrency: guest threads run in parallel. Start and Finish are called once, with no guest thread running. Instrument
// may be called by any guest thread, one call at a time. All other methods may be called by several guest threads at
// once, each on the OS thread of the guest thread that caused it; tools lock for themselves.
package tool

import (
	"flag"

	"gogrind/internal/guest"
)

// Info says who a tool is.
type Info struct {
	Name        string // executable and option-prefix name: "memcheck"
	Title       string // first banner line without prefix: "Memcheck, a memory error detector"
	Description string // one line for help
}

// A Tool analyses one guest process. Tool alone runs a program unchanged (nulgrind).
type Tool interface {
	Info() Info
	// Flags declares the tool's own options; their values are read from Start on.
	Flags(*flag.FlagSet)
	// Start is called when the guest is mapped and nothing of it has run.
	Start(Host) error
	// Instrument annotates the copy of a piece of guest code. It is pure: the same block gives the same annotations.
	Instrument(*Block)
	// Finish is called when the guest has gone; it writes results. The status it returns replaces the guest's own
	// exit status when replace is true (--error-exitcode).
	Finish(Exit) (status int, replace bool)
}

// Exit says how the guest ended: with a status, or by a signal when Signal is not 0.
type Exit struct {
	Status int
	Signal int
}

// Thread is what a tool sees of a guest thread.
type Thread interface {
	// ID is Valgrind's thread number: 1 for the main thread, then counting up in order of creation.
	ID() int
	// TID is the kernel's thread id.
	TID() int
	// Regs are the thread's registers; valid and writable while the thread is stopped in the core for this tool call.
	Regs() *guest.Regs
	// Stack is the mapping that the stack pointer is in, as far as known.
	Stack() guest.Range
}

// Host is what the core offers to tools.
type Host interface {
	Memory() guest.Memory
	// Unwind captures the calls of t, innermost first: pcs[0] is the current pc, the others are return addresses.
	// It returns how many entries it filled.
	Unwind(t Thread, pcs []guest.Addr) int
	// Threads calls f for each live guest thread until f returns false. Other threads are not stopped by it.
	Threads(f func(Thread) bool)
	// StopOthers stops all guest threads but t, whose the call is, at block boundaries, calls f, and lets them go on. t is nil for a
	// goroutine that is no guest thread's; then f may not stop threads itself.
	StopOthers(t Thread, f func())
	// Mappings calls f for each mapping of the guest in ascending order until f returns false.
	Mappings(f func(Mapping) bool)
	// Heap is the index of heap blocks, nil when the tool is no HeapReplacer.
	Heap() Heap
	// Report is where findings and messages go. The concrete type is *report.Reporter; any keeps this package a leaf.
	Report() any
	// Symbols finds names and lines for guest addresses. The concrete type is *debuginfo.Space.
	Symbols() any
	// Options are the parsed core options. The concrete type is *options.Core.
	Options() any
	// FirstProcess reports whether this is the process that the user started, and not one that came of it by fork.
	FirstProcess() bool
	// Counters returns n new counters, all 0, within reach of translated code. It panics when there is no memory for them.
	Counters(n int) Counters
}

// Mapping is one mapping of the guest.
type Mapping struct {
	guest.Range
	Prot   guest.Prot
	Path   string // file, or "[stack]", "[heap]", "[vdso]", "" for anonymous memory
	Offset uint64
	Shared bool
	// Tool is set for memory that belongs to the replaced heap or other areas the tool manages inside guest space.
	Tool bool
	// Stored is set for a private mapping of a file that was writable and is not any more: it holds what the program stored.
	Stored bool
	// Stack is set for memory that was mapped to be a stack (MAP_STACK).
	Stack bool
}

// MemoryWatcher is told about changes of the guest's address space, after they happened.
type MemoryWatcher interface {
	Mapped(m Mapping)
	Unmapped(r guest.Range)
	Protected(r guest.Range, p guest.Prot)
	// Moved is mremap's move; contents and shadow go along. Mapped/Unmapped are not called for it.
	Moved(from, to guest.Range)
}

// BreakWatcher is told when a thread has moved the end of the brk data segment, which need not be the end of a page.
type BreakWatcher interface {
	BreakMoved(t Thread, from, to guest.Addr)
}

// KernelWatcher is told about memory that a system call is going to read or has written.
type KernelWatcher interface {
	// BeforeRead is called for each byte range the kernel will read: syscall "write", parameter "write(buf)".
	BeforeRead(t Thread, syscall, param string, r guest.Range)
	// BeforeReadString is the same for a zero-terminated string.
	BeforeReadString(t Thread, syscall, param string, a guest.Addr)
	// BeforeWrite is called for each byte range the kernel may write.
	BeforeWrite(t Thread, syscall, param string, r guest.Range)
	// AfterWrite is called for each byte range that the kernel has written.
	AfterWrite(t Thread, r guest.Range)
	// BeforeReg is called for each register argument.
	BeforeReg(t Thread, syscall, param string, arg int, size int)
}

// ThreadWatcher is told about threads.
type ThreadWatcher interface {
	ThreadCreated(parent, child Thread)
	ThreadEnded(t Thread)
}

// ExecWatcher is told that the program is about to be replaced by another one: Finish will not be called, unless that fails.
type ExecWatcher interface {
	// Execing: traced says that the next program runs under the tool, in this process.
	Execing(traced bool)
}

// ForkWatcher is told that the program is about to fork a process that goes on under the tool.
type ForkWatcher interface {
	// Forking is called on the thread that forks, with other threads running: what is made ready here need not be made in each
	// child. It is not called for vfork, whose children execute another program or end.
	Forking(t Thread)
}

// StackWatcher is told when the core itself moves a stack pointer: for signal frames and for functions that it calls.
type StackWatcher interface {
	// StackMoved: t's stack pointer goes from one address of a stack to another of the same stack.
	StackMoved(t Thread, from, to guest.Addr)
}

// FaultWatcher is told about a synchronous fault before it is delivered: a tool reports a wild access here.
type FaultWatcher interface {
	// Fault: sig is SIGSEGV, SIGBUS, SIGILL, SIGFPE or SIGTRAP; addr is si_addr.
	Fault(t Thread, sig, code int, addr guest.Addr)
}

// Requester handles client requests of valgrind.h that the core does not know itself.
type Requester interface {
	// Request handles code with args; handled is false for codes that are not the tool's.
	Request(t Thread, code uint32, args [5]uint64) (result uint64, handled bool)
}

// Monitor has monitor commands of its own.
type Monitor interface {
	// MonitorHelp describes them.
	MonitorHelp() string
	// Monitor executes a command, given as its words, on behalf of t, and writes the answer to the log. known is false for
	// commands that are not the tool's.
	Monitor(t Thread, words []string) (known bool)
}

// Changer has options that may change while the program runs.
type Changer interface {
	// Dynamic are their names.
	Dynamic() []string
}

// Leaver receives the out-of-line exits that the tool's annotations ask for (Place.CheckShadow and friends).
type Leaver interface {
	// Leave is called with exact guest state before the annotated instruction runs. The access is [a, a+size); size 0 stands for one that
	// depends on what registers hold (XSAVE). With exact set
	// the instruction is to be stepped (Exact): it is going to load undefined bytes.
	Leave(t Thread, kind AccessKind, a guest.Addr, size int) (exact bool)
}

// MaskedLeaver is a Leaver that tells elements of a masked access apart.
type MaskedLeaver interface {
	// LeaveMasked is Leave for an access to [a, a+size) of which only pieces, in ascending order, are really touched.
	LeaveMasked(t Thread, kind AccessKind, a guest.Addr, size int, pieces []guest.Range) (exact bool)
}
