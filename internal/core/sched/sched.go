// Package sched runs guest threads: it enters translated code, acts on the reasons for which it comes back, delivers signals,
// performs system calls through syswrap, and makes and ends threads and processes.
//
// A guest thread is a goroutine locked to its OS thread. Threads run in parallel; what one does between two entries of guest
// code is called its turn in Go. StopOthers waits until every other thread is at a guest instruction boundary, outside guest code.
//
// Lock order:
//
//	Scheduler.world (held shared by a thread from leaving guest code to entering it again; exclusively by nobody)
//	  Scheduler.mu (threads, stop requests)
//	signal.Process's lock is taken before Scheduler.mu (Host callbacks), and never held across a turn.
//	Thread.kicks is innermost.
package sched

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/aspace"
	"gogrind/internal/core/jit"
	"gogrind/internal/core/signal"
	"gogrind/internal/core/syswrap"
	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// Hook is a function that runs in place of guest code. It reads arguments from t's registers, and says with resume whether the
// guest goes on behind the call (registers and return address are then as a return leaves them, with result in rax) or at
// Regs().RIP, which it has set.
type Hook func(t *Thread) (result uint64, returns bool)

// Config is what a scheduler works with. All fields are set before New.
type Config struct {
	Space      *aspace.Space
	Translator *jit.Translator
	Engine     func(syswrap.Signals) *syswrap.Engine
	Request    func(t *Thread) // a client request: rax points to it
	NRAddr     func(t *Thread) uint64
	// Hooks and HookPC are what hook number n does and the guest address it stands at.
	Hooks  func(n int) Hook
	HookPC func(n int) guest.Addr
	// QuickFault is called when the function of vcpu.SetQuick has faulted for t in a phase. It reports whether the hook has run all
	// the same, with its result in rax.
	QuickFault func(t *Thread, phase uint64) bool
	Check      func(t *Thread, pc guest.Addr, access int) (exact bool)
	Faults     tool.FaultWatcher
	Threads    tool.ThreadWatcher
	Stacks     tool.StackWatcher
	Events     tool.EventWatcher
	Kernel     tool.KernelWatcher
	Exact      tool.Exact
	// ExactOnly steps every instruction, for tests: findings must be the same.
	ExactOnly bool
	// Callers stores where t is and the return addresses on its stack, innermost first, and returns how many.
	Callers func(t *Thread, pcs []guest.Addr) int
	Caches  tool.Caches // empty if the tool is no tool.CacheSimulator
	// Touched calls f for each piece of memory that an access of the instruction at pc, where t is, is going to touch.
	Touched func(t *Thread, pc guest.Addr, access int, f func(a guest.Addr, size int))
	// Fatal is called once when a signal ends the process, before Finish.
	Fatal func(t *Thread, info signal.Info, core bool)
	// Finish is called once, with no other guest thread running; the status it returns is the process's.
	Finish func(t *Thread, e tool.Exit) int
	// Exec prepares for execve. It may change what is executed; native says that it is a program of the guest's.
	Exec func(t *Thread, a *syswrap.ExecArgs) (native bool, err error)
	// Forking is called before a fork that is no vfork; may be nil. Forked is called in the child of any.
	Forking func(t *Thread)
	Forked  func(t *Thread)
	// FirstFD is the first of the tool's descriptors; the guest's are below.
	FirstFD int
	// Shadow: GS is the shadow distance instead of the guest's FS base.
	Shadow bool
	Warn   func(format string, args ...any)
	// TraceSignals and TraceSched receive a line for each event; nil: they are not wanted.
	TraceSignals, TraceSched func(line string)
	// Unusual is told of instructions that are emulated with limits (--show-emwarns); may be nil.
	Unusual func(t *Thread, what string)
	// MaxThreads is the number of threads with which the process is ended by TooManyThreads; 0: there is no limit.
	MaxThreads     int
	TooManyThreads func(t *Thread)
	// StackAt is what is known of a stack that no thread was started with; may be nil.
	StackAt func(sp guest.Addr) (guest.Range, bool)
	// Cloned is called in a thread that is about to make another one; may be nil.
	Cloned func(t *Thread)
	// Chaos is the seed of what disturbs the threads in tests; 0: nothing does.
	Chaos uint64
	// Mask and Ignored are the signal mask and the ignored signals that the process was started with.
	Mask, Ignored uint64
	// Waiting are the siginfo_t of blocked signals that were pending then, which the kernel does not have any more.
	Waiting [][128]byte
}

// Scheduler runs the threads of one guest process.
type Scheduler struct {
	cfg     Config
	tr      *jit.Translator
	engine  *syswrap.Engine
	signals *signal.Process

	mu         sync.Mutex
	cond       *sync.Cond
	threads    map[int]*Thread // by thread number; mu
	nextID     int             // mu
	exactStats ExactStats      // of threads that have ended; mu
	stopper    *Thread         // who asked the others to stop; mu
	ending     atomic.Bool     // the process is on its way out
	ender      *Thread         // the thread that ends it, once ending is set

	traceMe atomic.Bool // see TraceMe
	refused atomic.Bool // a clone was refused, with a warning

	planes []uintptr // accessible parts of return planes; mu

	done chan int // exit status, from the thread that ends the process
}

// Thread is one guest thread.
type Thread struct {
	id    int
	s     *Scheduler
	ctx   *vcpu.Context
	sig   *signal.Thread
	stack guest.Range // fixed for the main thread; found from the stack pointer for others

	clearTID guest.Addr // CLONE_CHILD_CLEARTID, set_tid_address
	robust   guest.Addr // head of the list of robust mutexes, 0 for none
	parked   bool       // in Go at an instruction boundary, or blocked in a system call; Scheduler.mu
	gone     bool       // belongs to the process that this one was forked from; Scheduler.mu
	resume   uintptr    // host address to go on at in the middle of a fragment, 0: at RIP
	syscall  uint64     // number of the interrupted call while its result awaits Restart
	inCall   bool       // such a call is waiting
	vfork    *lender    // how to wake the parent of a vfork; nil if there is none that waits
	waitFD   int        // the parent of a vfork waits for this descriptor; 0 if not
	events   events     // records that generated code has made
	exact    exact
	calls    int // functions that CallGuest is running
	original original
	begun    begun
	// Wrapped is the function for which the wrapper runs that was entered last.
	Wrapped  guest.Addr
	silent   bool       // the function writes to no file
	kicks    sync.Mutex // held while t is being kicked; the innermost lock
	leaving  bool       // t executes another program, which must not be hit by a kick; kicks
	chaos    *chaos     // nil but in tests
	checked  checked
	Unwinder any // per-thread state of the unwinder, owned by core
	// ActsAs is the number of the function that the replaced one, which the thread is in, acts as (heap.Config.ActAs); owned by core.
	ActsAs int
}

// New makes a scheduler. The guest is loaded, no thread exists.
func New(cfg Config) *Scheduler {
	s := &Scheduler{cfg: cfg, tr: cfg.Translator, threads: make(map[int]*Thread), nextID: 1, done: make(chan int, 1)}
	s.cond = sync.NewCond(&s.mu)
	s.signals = signal.NewProcess(cfg.Space, host{s}, signal.Set(cfg.Ignored), 0)
	s.engine = cfg.Engine(signals{s.signals})
	for sig := 1; sig <= signal.NSIG; sig++ {
		host{s}.SetAction(sig, s.signals.KernelAction(sig))
	}
	return s
}

// Signals is the guest's signal state.
func (s *Scheduler) Signals() *signal.Process { return s.signals }

// Engine performs the system calls.
func (s *Scheduler) Engine() *syswrap.Engine { return s.engine }

// ID, TID, Regs, Stack, Memory and Signals make Thread a tool.Thread, a syswrap.Thread and what package signal wants.

func (t *Thread) ID() int                 { return t.id }
func (t *Thread) TID() int                { return int(t.ctx.TID) }
func (t *Thread) Regs() *guest.Regs       { return &t.ctx.Regs }
func (t *Thread) Memory() guest.Memory    { return t.s.cfg.Space }
func (t *Thread) Signals() *signal.Thread { return t.sig }

// Stack is the stack that the stack pointer is in, as far as it is known, else the mapping.
func (t *Thread) Stack() guest.Range {
	sp := guest.Addr(t.ctx.Regs.GPR[guest.RSP])
	if t.stack.Contains(sp) || sp == t.stack.End && !t.stack.Empty() {
		return t.stack
	}
	if at := t.s.cfg.StackAt; at != nil {
		if r, ok := at(sp); ok {
			return r
		}
	}
	m, _ := t.s.cfg.Space.Find(sp)
	return m.Range
}

// Context is t's processor; its vector state may be read while t is outside guest code.
func (t *Thread) Context() *vcpu.Context { return t.ctx }

// XSave is the vector state of t, which is outside guest code.
func (t *Thread) XSave() []byte { return t.ctx.XSave() }

// Threads calls f for each live thread in order of number until f returns false.
func (s *Scheduler) Threads(f func(tool.Thread) bool) {
	s.mu.Lock()
	list := make([]*Thread, 0, len(s.threads))
	for id := 1; id < s.nextID; id++ {
		if t := s.threads[id]; t != nil {
			list = append(list, t)
		}
	}
	s.mu.Unlock()
	for _, t := range list {
		if !f(t) {
			return
		}
	}
}

// Store writes b to guest memory for t, as the kernel would. It reports whether all could be written.
func (t *Thread) Store(b []byte, a guest.Addr) bool {
	n := t.s.cfg.Space.WriteMem(b, a)
	if w := t.s.cfg.Kernel; w != nil && n > 0 {
		w.AfterWrite(t, guest.Range{Start: a, End: a + guest.Addr(n)})
	}
	return n == len(b)
}

// View is what /proc says of the guest thread that the kernel calls tid, and how many threads there are. The oldest thread stands for
// the process when its main thread has ended.
func (s *Scheduler) View(tid int) (v signal.View, threads int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var t *Thread
	for id, o := range s.threads {
		if o.TID() == tid {
			t = o
			break
		}
		if tid == os.Getpid() && (t == nil || id < t.id) {
			t = o
		}
	}
	if t == nil {
		return v, len(s.threads), false
	}
	return t.sig.View(), len(s.threads), true
}

// HasTID reports whether tid is the kernel's number of a guest thread.
func (s *Scheduler) HasTID(tid int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.threads {
		if t.TID() == tid {
			return true
		}
	}
	return false
}

// Run starts the main thread at entry with stack pointer sp and returns the exit status when the process has ended. It must
// be called on the process's first OS thread, locked, as the guest's main thread is that one.
func (s *Scheduler) Run(entry, sp guest.Addr, stack guest.Range) (int, error) {
	ctx, err := vcpu.New()
	if err != nil {
		return 0, err
	}
	t := s.newThread(ctx)
	t.stack = stack
	ctx.Regs.RIP, ctx.Regs.GPR[guest.RSP] = uint64(entry), uint64(sp)
	t.sig = s.signals.NewThread(t, signal.Set(s.cfg.Mask))
	ctx.Attach(t.gs())
	ctx.SetMain()
	if s.cfg.Threads != nil {
		s.cfg.Threads.ThreadCreated(nil, t)
	}
	vcpu.SetMask(kernelMask(uint64(t.sig.Mask())))
	for _, info := range s.cfg.Waiting {
		if info := signal.Info(info); keepOpen>>(info.Signo()-1)&1 != 0 {
			t.sig.Queue(info)
		} else {
			vcpu.Send(t.TID(), vcpu.SigInfo(info))
		}
	}
	if s.cfg.Chaos != 0 {
		go s.interruptAll(s.cfg.Chaos)
	}
	t.loop()
	vcpu.SetMask(^uint64(keepOpen))
	ctx.Detach()
	// The main thread has ended, others go on: the status comes from the one that ends the process.
	return <-s.done, nil
}

func (s *Scheduler) newThread(ctx *vcpu.Context) *Thread {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &Thread{id: s.nextID, s: s, ctx: ctx, chaos: newChaos(s.cfg.Chaos, s.nextID)}
	ctx.Thread = uint64(t.id)
	t.makeEvents()
	if s.cfg.Exact != nil {
		t.exact.state = s.cfg.Exact.Exact(t)
		t.exact.moves, t.exact.tags = true, s.cfg.Exact.Tags()
	}
	s.threads[t.id] = t
	s.nextID++
	return t
}

// gs is the thread's GS base: the tool's shadow distance, or the guest's own FS base.
func (t *Thread) gs() uintptr {
	if t.s.cfg.Shadow {
		return guest.ShadowDistance
	}
	return uintptr(t.ctx.Regs.FSBase)
}

// setFSBase is called after Regs().FSBase has changed.
func (t *Thread) setFSBase() {
	if !t.s.cfg.Shadow {
		vcpu.SetGS(t.ctx.Regs.FSBase)
	}
}

// exit ends the process: the tool writes its results, then the process is gone. Only the first caller gets anywhere.
func (s *Scheduler) exit(t *Thread, e tool.Exit) {
	if !s.ending.CompareAndSwap(false, true) {
		if s.ender == t {
			t.calls = 0 // a function run by Finish has died: Finish goes on without it
			return
		}
		t.park()
		select {} // another thread is ending the process
	}
	s.ender = t
	if t.vfork != nil {
		t.vfork.giveBack(s.cfg.Space)
	}
	status := 0
	s.stopOthers(t, func() {
		s.flushAllEvents()
		status = s.cfg.Finish(t, e)
	})
	if e.Signal != 0 {
		s.die(t, e.Signal)
	}
	os.Exit(status)
}

// die ends the process by signal sig, as its parent is to see it.
func (s *Scheduler) die(t *Thread, sig int) {
	vcpu.Default(sig)
	bit := uint64(1) << (sig - 1)
	unix.Kill(os.Getpid(), unix.Signal(sig))
	vcpu.SetMask(^bit)
	runtime.Gosched()
	os.Exit(128 + sig)
}

// StopOthers stops all other threads at instruction boundaries, calls f, and lets them go on. Threads in system calls count as
// stopped: they do not run guest code before f is done.
//
// self is the caller, nil if it is no guest thread; then f may not stop threads itself.
func (s *Scheduler) StopOthers(self *Thread, f func()) {
	if self == nil {
		self = &Thread{s: s} // stands for the caller: nil is nobody
	}
	s.stopOthers(self, f)
}

func (s *Scheduler) stopOthers(self *Thread, f func()) {
	s.mu.Lock()
	for s.stopper != nil && s.stopper != self {
		// Someone else is stopping the world: we are one of the others.
		self.parked = true
		s.cond.Broadcast()
		s.cond.Wait()
		s.leaveIfGone(self)
		self.parked = false
	}
	nested := s.stopper == self
	if !nested && self.ctx != nil {
		self.trace("stops all others")
	}
	s.stopper = self
	for !nested {
		running := 0
		for _, t := range s.threads {
			if t != self && !t.parked {
				running++
				t.kick()
			}
		}
		if running == 0 {
			break
		}
		s.cond.Wait()
	}
	s.mu.Unlock()
	f()
	if !nested {
		s.mu.Lock()
		s.stopper = nil
		s.cond.Broadcast()
		s.mu.Unlock()
	}
}

// kick makes t come out of guest code or out of a system call.
func (t *Thread) kick() {
	atomic.StoreUint64(&t.ctx.Pending, 1)
	if t.ctx.TID == 0 || t.ctx.Current() {
		return
	}
	t.kicks.Lock()
	defer t.kicks.Unlock()
	if !t.leaving {
		unix.Tgkill(os.Getpid(), int(t.ctx.TID), vcpu.Kick)
	}
}

// park says that t is not in guest code, as before a system call that may block.
func (t *Thread) park() {
	t.s.mu.Lock()
	t.parked = true
	t.s.cond.Broadcast()
	t.s.mu.Unlock()
}

// ParkedRegs are the registers of t if it is in the core or in a system call: where it stopped, and where it goes on.
func (t *Thread) ParkedRegs() (regs guest.Regs, ok bool) {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	return t.ctx.Regs, t.parked && !t.gone
}

// unpark waits while another thread has the world stopped.
func (t *Thread) unpark() {
	s := t.s
	s.mu.Lock()
	for s.stopper != nil && s.stopper != t && !t.gone {
		s.cond.Wait()
	}
	s.leaveIfGone(t)
	t.parked = false
	s.mu.Unlock()
}

// bug stops the process for an internal impossibility, with what is known about the guest.
func (t *Thread) bug(format string, args ...any) {
	r := &t.ctx.Regs
	fmt.Fprintf(os.Stderr, "gogrind: internal error: "+format+"\n", args...)
	fmt.Fprintf(os.Stderr, "thread %d, rip %#x, host %#x, exit %#x, signal %d, err %#x, cr2 %#x\n", t.id, r.RIP, t.ctx.HostPC, t.ctx.Exit, t.ctx.Signo, t.ctx.Err, t.ctx.CR2)
	for i, v := range r.GPR {
		fmt.Fprintf(os.Stderr, "%2d %016x  ", i, v)
		if i%4 == 3 {
			fmt.Fprintln(os.Stderr)
		}
	}
	os.Exit(1)
}

// farAway is the distance from which on two stack pointers are taken to belong to different stacks.
const farAway = 1 << 20

// moved tells the tool that the core has moved t's stack pointer away from the address from.
func (t *Thread) moved(from uint64) {
	to := t.ctx.Regs.GPR[guest.RSP]
	if w := t.s.cfg.Stacks; w != nil && from != to && from-to+farAway < 2*farAway {
		w.StackMoved(t, guest.Addr(from), guest.Addr(to))
	}
}

// CountThreads is the number of live guest threads.
func (s *Scheduler) CountThreads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.threads)
}
