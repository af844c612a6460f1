// Package syswrap performs the system calls of a guest. A table with one row per call says what each parameter is; the
// engine walks the row to tell a tool what the kernel will read and write, makes the call, and tells what was written.
//
// Guest memory is our own memory, so pointers go to the kernel as they are. Calls that touch what gogrind keeps for
// itself do not: mappings go to AddressSpace, signal state to Signals, descriptors of the tool do not exist for the
// guest, and /proc shows the guest's program instead of ours. Calls that end or multiply threads and processes
// are only described, as an Outcome: the scheduler does them.
//
// It does not restart interrupted calls, deliver signals or write results into registers.
//
// Concurrency: Do may be called by all guest threads at once. Rows and Config are immutable after New; Engine.mu guards
// what changes, and is held neither during calls into the kernel nor into other packages.
package syswrap

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"gogrind/internal/core/aspace"
	"gogrind/internal/core/signal"
	"gogrind/internal/guest"
	"gogrind/internal/linux"
	"gogrind/internal/tool"

	"golang.org/x/sys/unix"
)

// Thread is what the engine needs of the calling guest thread.
type Thread interface {
	tool.Thread
	// Raw performs the system call in the kernel with the guest's signal state. It may block. r is the raw result:
	// a negative error number on failure.
	Raw(nr uintptr, a [6]uint64) (r int64)
	// Alone makes a system call that the kernel refuses to processes with several threads. If the guest has several, too, or the thread
	// is not the process's first, the result is -EINVAL without a call.
	Alone(nr uintptr, a [6]uint64) (r int64)
	Memory() guest.Memory
}

// AddressSpace performs the guest's mapping calls; aspace.Space is one. Errors are unix.Errno.
type AddressSpace interface {
	Mmap(addr guest.Addr, length uint64, prot, flags, fd int, off uint64) (guest.Addr, error)
	Munmap(addr guest.Addr, length uint64) error
	Mremap(old guest.Addr, oldLen, newLen uint64, flags int, to guest.Addr) (guest.Addr, error)
	Mprotect(addr guest.Addr, length uint64, prot int) error
	Brk(a guest.Addr) guest.Addr
	Madvise(addr guest.Addr, length uint64, advice int) error
	Msync(addr guest.Addr, length uint64, flags int) error
	RemapFilePages(addr guest.Addr, size uint64, prot int, page uint64, flags int) error
	Shmat(id int, addr guest.Addr, flags int) (guest.Addr, error)
	Shmdt(addr guest.Addr) error
	// Covered reports whether all of r is mapped for the guest.
	Covered(r guest.Range) bool
	// BeforeKernelWrite is called before the kernel may write to r: pages that are write-protected because the
	// translator has copies of their code must be made writable, as the kernel would fail where a store faults.
	BeforeKernelWrite(r guest.Range) error
	// ProcMaps is the text of /proc/self/maps.
	ProcMaps() []byte
	// ProcSmaps and ProcSmapsRollup are smaps and smaps_rollup, made of the kernel's texts; Usage adds up smaps.
	ProcSmaps(kernel []byte) []byte
	ProcSmapsRollup(smaps, rollup []byte) []byte
	Usage(smaps []byte, code guest.Range) aspace.Usage
	// SetLimits says what the guest's RLIMIT_AS and RLIMIT_DATA are, in bytes.
	SetLimits(space, data uint64)
}

// Signals is the guest's signal state. Results are raw.
type Signals interface {
	Sigaction(t tool.Thread, sig int, act, old guest.Addr, size uint64) int64
	Sigprocmask(t tool.Thread, how int, set, old guest.Addr, size uint64) int64
	Sigaltstack(t tool.Thread, ss, old guest.Addr) int64
	Sigpending(t tool.Thread, set guest.Addr, size uint64) int64
	Sigsuspend(t tool.Thread, set guest.Addr, size uint64) int64
	Sigtimedwait(t tool.Thread, set, info, timeout guest.Addr, size uint64) int64
	// TempMask installs the mask of ppoll and its kind for the call that follows; RestoreMask ends it when the call
	// was not interrupted. After an interruption the delivery of the signal restores the mask. False says that signals come
	// first: nothing has changed, and the result of the call is -ERESTARTNOINTR.
	TempMask(t tool.Thread, mask uint64) bool
	RestoreMask(t tool.Thread)
}

// Config is what an Engine needs to know. Immutable after New.
type Config struct {
	Space   AddressSpace
	Signals Signals
	Watcher tool.KernelWatcher // may be nil
	// Break is told, after a change of the break, where it was and is; may be nil.
	Break func(t Thread, from, to guest.Addr)
	// NoClone3 refuses clone3, as Valgrind does, so that C libraries call clone: users' suppressions name it.
	NoClone3 bool
	Trace    func(line string) // gets a line for each call while Tracing says so; may be nil
	Tracing  func() bool       // --trace-syscalls=yes
	Warn     func(line string) // one line, once per cause; may be nil
	// TraceMe performs PTRACE_TRACEME; nil: the kernel does.
	TraceMe func() int64
	// Descriptors may be nil.
	Descriptors Descriptors
	// WarnFD receives one line for each use of a descriptor that can't exist; may be nil.
	WarnFD func(line string)
	// ModifyFDs is "" for descriptors with the kernel's numbers, else "yes" or "high": see Call.renumber.
	ModifyFDs string
	// Descriptors from FirstToolFD up are the tool's; 0: there are none.
	FirstToolFD int
	// NoFile is RLIMIT_NOFILE as the guest must see it.
	NoFile unix.Rlimit
	// AddressSpace and Data are RLIMIT_AS and RLIMIT_DATA as the guest must see them; all zero: as they are.
	AddressSpace, Data unix.Rlimit
	// LaxIoctls: what is known of an unknown ioctl is the size of its argument, which need not be filled in.
	LaxIoctls bool
	// Exe, Cmdline, Environ and Auxv are the contents of the files of these names in /proc/self; Exe is an absolute path.
	Exe     string
	Cmdline []byte
	Environ []byte
	Auxv    []byte
	// Code is where the program's own code is.
	Code guest.Range
	// View is the state of the guest thread with the kernel's number tid, and how many threads there are; nil: unknown.
	View func(tid int) (v signal.View, threads int, ok bool)
	// Stat are the fields of /proc/self/stat that are the guest's, by number from 1 as in proc_pid_stat(5): 26 to 28
	// start and end of code and the start of the stack, 45 to 51 data, break, arguments and environment. May be nil.
	Stat map[int]uint64
	// GuestTID says which threads of the process are the guest's, for /proc/self/task; nil: all.
	GuestTID func(tid int) bool
}

// info is a row with what is computed once from it.
type info struct {
	row
	label string // name in messages
	// warnFD is the name in warnings of impossible descriptors, "" for calls without them.
	warnFD string
}

// Engine performs system calls.
type Engine struct {
	cfg   Config
	space AddressSpace
	sig   Signals
	watch tool.KernelWatcher
	rows  []atomic.Pointer[info] // by number, filled when one is first wanted: see row
	calls sync.Pool              // *Call, as every system call of the guest needs one

	mu     sync.Mutex
	warned map[string]bool     // guarded by mu
	limits map[int]unix.Rlimit // ownLimits as the guest sees them; guarded by mu
	// invented are the files made for files of /proc; nil as long as there are none. Guarded by mu.
	invented map[inode]bool
	// urings are the guest's rings of io_uring by descriptor, if there is a watcher; guarded by mu.
	urings map[int32]*uring
}

// New makes an engine for one guest process.
func New(cfg Config) *Engine {
	e := &Engine{
		cfg:    cfg,
		space:  cfg.Space,
		sig:    cfg.Signals,
		watch:  cfg.Watcher,
		rows:   make([]atomic.Pointer[info], linux.SyscallCount()),
		warned: make(map[string]bool),
		limits: startLimits(&cfg),
		calls:  sync.Pool{New: func() any { return new(Call) }},
	}
	e.enforce()
	return e
}

// row is what is known of call nr, nil if it has no row. A program makes few of all calls, so a row is prepared by the first one.
func (e *Engine) row(nr int) *info {
	if nr < 0 || nr >= len(e.rows) {
		return nil
	}
	in := e.rows[nr].Load()
	if in == nil {
		if in = infoOf(linux.SyscallName(nr)); in != nil {
			e.rows[nr].Store(in)
		}
	}
	return in
}

// infoOf is what is known of the call with the kernel's name.
func infoOf(name string) *info {
	if name == "" {
		return nil
	}
	for _, family := range families {
		rows := family.rows()
		for i := range rows {
			r := &rows[i]
			if r.name != name {
				continue
			}
			in := &info{row: *r, label: r.name, warnFD: warnsOfDescriptor()[r.name]}
			if r.as != "" {
				in.label = r.as
			}
			in.args = named(in.label, r.args)
			return in
		}
	}
	return nil
}

// named is args with all names in messages filled in, so that no call has to make them up.
func named(call string, args A) A {
	args = slices.Clone(args)
	for i := range args {
		p := &args[i]
		p.register = call + "(" + p.name + ")"
		switch {
		case p.text != "":
		case p.mem != "":
			p.text = call + "(" + p.mem + ")"
		default:
			p.text = p.register
		}
	}
	return args
}

// OutcomeKind says what the scheduler does after a call.
type OutcomeKind uint8

const (
	Done      OutcomeKind = iota // write Result and go on
	Exit                         // end the calling thread
	ExitGroup                    // end the process
	Exec                         // replace the program
	Clone                        // make a thread, or a process that shares what Flags say
	Fork                         // make a process; also clone without sharing
	Vfork                        // the same, the parent waits until the child execs or ends
	Sigreturn                    // restore the state before the signal handler
)

// Outcome is what the scheduler has to do after a call.
type Outcome struct {
	Kind   OutcomeKind
	Result int64 // Done: raw result
	Status int   // Exit, ExitGroup
	Exec   ExecArgs
	Clone  CloneArgs // Clone, Fork, Vfork
}

// ExecArgs are the arguments of execve and execveat, read from guest memory.
type ExecArgs struct {
	DirFD int // AT_FDCWD for execve
	Flags int // AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW
	Path  string
	Argv  []string
	Env   []string
}

// CloneArgs are the arguments of clone and clone3 in the kernel's order of clone_args.
type CloneArgs struct {
	Flags      uint64
	Pidfd      guest.Addr
	ChildTID   guest.Addr
	ParentTID  guest.Addr
	ExitSignal int
	Stack      guest.Addr // initial stack pointer of the child, 0: the parent's
	TLS        uint64
	SetTID     []int32
	Cgroup     uint64
}

// warn prints a line once per key.
func (e *Engine) warn(key, format string, args ...any) {
	e.mu.Lock()
	old := e.warned[key]
	e.warned[key] = true
	e.mu.Unlock()
	if !old && e.cfg.Warn != nil {
		e.cfg.Warn(fmt.Sprintf(format, args...))
	}
}

// toolMemory reports whether a is an address of the tool, which does not exist for the guest. Ranges are not looked at:
// a guard page that cannot be written lies in front of everything that is the tool's.
func (e *Engine) toolMemory(a uint64) bool {
	return a >= uint64(guest.ToolBase) && a < uint64(guest.LowHigh) || a >= uint64(guest.MaxAddr) && a < 1<<63
}

// kernelWrite prepares r for being written by the kernel. Failure shows as EFAULT of the call itself.
func (e *Engine) kernelWrite(r guest.Range) {
	if err := e.space.BeforeKernelWrite(r); err != nil {
		e.warn("kernelWrite", "memory %v cannot be made writable for the kernel: %v", r, err)
	}
}

// Do performs the system call that t's registers ask for. It does not write the result into the registers.
func (e *Engine) Do(t Thread) Outcome {
	c := e.calls.Get().(*Call)
	*c = Call{e: e, t: t}
	c.Nr, c.Args = callOf(t.Regs())
	c.raw = c.Args
	o := e.do(c)
	*c = Call{} // lets go of what it refers to
	e.calls.Put(c)
	return o
}

func (e *Engine) do(c *Call) Outcome {
	nr := c.Nr
	if c.row = e.row(nr); c.row == nil {
		return e.unknown(c)
	}
	if c.row.absent != "" {
		c.Result = errno(unix.ENOSYS)
		e.trace(c)
		return c.outcome()
	}
	if c.row.flags&Warn != 0 {
		e.warn("warn "+c.row.name, "system call %s is passed to the kernel, but what it does later is not seen", c.row.name)
	}
	if c.row.sub != nil {
		c.sub = c.row.sub(c)
		if c.sub != nil && len(c.sub.args) > 0 && c.sub.args[len(c.sub.args)-1].register == "" {
			c.sub.args = named(c.row.label, c.sub.args)
		}
	}
	c.known = true
	c.impossibleFD()
	c.before()
	switch {
	case c.badFD:
		c.Result = errno(unix.EBADF)
	case c.fault:
		c.Result = errno(unix.EFAULT)
	case c.sub != nil && c.sub.do != nil:
		c.Result = c.sub.do(c)
	case c.row.do != nil:
		c.Result = c.row.do(c)
	default:
		c.Result = c.perform()
	}
	c.after()
	e.trace(c)
	return c.outcome()
}

func (c *Call) outcome() Outcome {
	if c.out.Kind == Done {
		c.out.Result = c.Result
	}
	return c.out
}

// before tells the watcher what the call reads: all registers first, then memory, in the order of the parameters.
func (c *Call) before() {
	c.each((*Call).register)
	c.each((*Call).checkParam)
	if f := c.row.row.before; f != nil {
		f(c)
	}
	if c.sub != nil && c.sub.before != nil {
		c.sub.before(c)
	}
}

// after tells the watcher what the call has written.
func (c *Call) after() {
	c.done = true
	if c.Result >= 0 {
		c.descriptors()
	} else {
		c.notOpen()
	}
	c.each((*Call).marked)
	if c.Result < 0 {
		return
	}
	if f := c.row.row.after; f != nil {
		f(c)
	}
	if c.sub != nil && c.sub.after != nil {
		c.sub.after(c)
	}
}

func (c *Call) newFD() bool {
	return c.row.flags&NewFD != 0 || c.sub != nil && c.sub.newFD
}

// each calls f for the parameters that apply.
func (c *Call) each(f func(c *Call, i int, p *Param)) {
	for i := range c.row.args {
		if p := &c.row.args[i]; p.kind != kSkip && (p.when == nil || p.when(c)) {
			f(c, i, p)
		}
	}
	if c.sub == nil {
		return
	}
	for i := range c.sub.args {
		if p := &c.sub.args[i]; p.kind != kSkip && (p.when == nil || p.when(c)) {
			f(c, i, p)
		}
	}
}

// unknown performs a call without a row. Nothing is known of its parameters; pointers into the tool's memory are
// refused all the same, and what they may have written is told to the tool as written, so that it reports too little
// rather than too much.
func (e *Engine) unknown(c *Call) Outcome {
	name := linux.SyscallName(c.Nr)
	if name == "" {
		name = fmt.Sprintf("syscall_%d", c.Nr)
	}
	c.row = &info{row: row{name: name}, label: name}
	e.warn(name, "system call %d (%s) is not known: its memory accesses are not checked", c.Nr, name)
	for _, a := range c.Args {
		if a >= uint64(guest.MinAddr) && e.toolMemory(a) {
			c.Result = errno(unix.EFAULT)
			e.trace(c)
			return c.outcome()
		}
	}
	var written [6]uint64
	for i, a := range c.Args {
		written[i] = e.guess(c, a)
	}
	c.Result = c.perform()
	for i, n := range written {
		c.wrote(c.Args[i], n)
	}
	e.trace(c)
	return c.outcome()
}

// guessed is how much memory behind a pointer an unknown call is believed to write at most: more than most structures.
const guessed = 256

// guess says how many bytes of readable guest memory an argument that may be a pointer leads to, at most guessed and at
// most to the end of its page.
func (e *Engine) guess(c *Call, a uint64) uint64 {
	if a < uint64(guest.MinAddr) || a >= uint64(guest.MaxAddr) {
		return 0
	}
	n := min(guessed, guest.PageSize-a%guest.PageSize)
	b := make([]byte, n)
	n = uint64(c.memory().ReadMem(b, guest.Addr(a)))
	if n > 0 {
		e.kernelWrite(span(a, n))
	}
	return n
}
