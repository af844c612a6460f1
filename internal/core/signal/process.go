package signal

import (
	"sync"
	"time"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// Host is what the real process does for the guest's signal state. See the package comment for which methods run
// under the lock.
type Host interface {
	// SetMask: m is t's mask from now on, and the kernel's mask of the thread should let through what m lets through.
	SetMask(t *Thread, m Set)
	// SetAction: the kernel's disposition of sig should be a.
	SetAction(sig int, a KernelAction)
	// Wake: a signal is in a queue that t should look at; when t is blocked in a system call it is interrupted.
	Wake(t *Thread)
	// Pending is the set of signals that the kernel holds back for t because its real mask blocks them.
	Pending(t *Thread) Set
	// Arrived reports whether the kernel has handed over a signal to t, which is the calling thread, that has not been queued yet.
	Arrived(t *Thread) bool
	// Take waits, as Block does, for a signal of want that the kernel holds back, too, and takes it: ok is then true. over says that the
	// timeout has passed.
	Take(t *Thread, want Set, timeout time.Duration) (info Info, ok, over bool)
	// Block suspends t, which is the calling thread, until a signal has been queued that it should look at, or until
	// timeout has passed (negative: never). It may return early.
	Block(t *Thread, timeout time.Duration)
}

// Disposition is what the process does with a signal: struct sigaction of the kernel.
type Disposition struct {
	Handler  uint64 // SIG_DFL, SIG_IGN or an address
	Flags    uint64
	Restorer uint64
	Mask     Set
}

// ignores reports whether d throws sig away.
func (d *Disposition) ignores(sig int) bool {
	return d.Handler == SIG_IGN || d.Handler == SIG_DFL && harmless.Has(sig)
}

// Kind says what delivering a signal means.
type Kind uint8

const (
	Handle    Kind = iota // call the handler: Thread.Deliver
	Terminate             // end the process by the signal
	DumpCore              // the same, with a core dump where limits allow
	Stop                  // stop the process until SIGCONT
)

// Action is what Next found to do.
type Action struct {
	Kind
	Disposition // valid for Handle
}

// defaultKind is what a signal does without handler; harmless ones are asked about only by those who ignore them.
func defaultKind(sig int) Kind {
	switch {
	case stopping.Has(sig):
		return Stop
	case dumping.Has(sig):
		return DumpCore
	}
	return Terminate
}

// Process is the part of the state that all threads share.
type Process struct {
	mem       guest.Memory
	host      Host
	xfeatures uint64 // components of XSAVE that frames carry; immutable

	mu      sync.Mutex
	actions [NSIG + 1]Disposition
	pending queue
	threads []*Thread // in order of creation
}

// Thread is the part of the state that each thread has. Its fields are guarded by Process.mu.
type Thread struct {
	p     *Process
	owner tool.Thread // immutable

	mask Set
	// While restore is set, mask is temporary (sigsuspend, ppoll) and saved is the one that the next frame records
	// or that comes back when there is nothing to deliver.
	saved   Set
	restore bool
	// waiting is what sigtimedwait waits for, blocked or not.
	waiting Set
	pending queue
	alt     altStack
	fault   Fault
}

// altStack is the alternate stack as sigaltstack set it; size 0 means none.
type altStack struct {
	sp, size uint64
	flags    uint32
}

// Fault is what the CPU reported about the last exception of a thread. Every frame shows it, also those of later
// signals that no exception caused.
type Fault struct {
	Err, Trap, CR2 uint64
}

// NewProcess returns the state of a process that has no thread yet. The dispositions in ignored are SIG_IGN, as a
// process inherits them through exec, all others default. xfeatures are the XSAVE components in frames; 0 means those
// that the CPU and the kernel have enabled without asking for more.
func NewProcess(mem guest.Memory, host Host, ignored Set, xfeatures uint64) *Process {
	if xfeatures == 0 {
		xfeatures = defaultFeatures()
	}
	p := &Process{mem: mem, host: host, xfeatures: xfeatures}
	for sig := 1; sig <= NSIG; sig++ {
		if ignored.Has(sig) && !unblockable.Has(sig) {
			p.actions[sig].Handler = SIG_IGN
		}
		p.host.SetAction(sig, p.kernelAction(sig))
	}
	return p
}

// NewThread adds the first thread of a process, with the mask that it inherited. The thread gives the kernel its mask when it is ready for
// signals, here as in Clone.
func (p *Process) NewThread(owner tool.Thread, mask Set) *Thread {
	return p.add(&Thread{p: p, owner: owner, mask: mask &^ unblockable})
}

// Clone adds a thread that t creates: same mask, nothing pending, no alternate stack.
func (t *Thread) Clone(owner tool.Thread) *Thread {
	t.p.mu.Lock()
	mask := t.mask
	t.p.mu.Unlock()
	return t.p.add(&Thread{p: t.p, owner: owner, mask: mask, alt: altStack{flags: SS_DISABLE}})
}

func (p *Process) add(t *Thread) *Thread {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.threads = append(p.threads, t)
	return t
}

// End removes t. Signals for the process that t was to take are offered to the others.
func (t *Thread) End() {
	p := t.p
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, o := range p.threads {
		if o == t {
			p.threads = append(p.threads[:i:i], p.threads[i+1:]...)
			break
		}
	}
	p.offer(p.pending.set, t)
}

// Forked makes the state that of a child which t has just forked, in place: t is the only thread, nothing is pending.
func (p *Process) Forked(t *Thread) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.threads = []*Thread{t}
	p.pending.clear()
	t.pending.clear()
}

// Owner is the thread whose signal state t is.
func (t *Thread) Owner() tool.Thread { return t.owner }

// Mask is the set of blocked signals.
func (t *Thread) Mask() Set {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	return t.mask
}

// OnAltStack reports whether sp is on t's alternate stack, and which range that is.
func (t *Thread) OnAltStack(sp uint64) (guest.Range, bool) {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	return guest.Range{Start: guest.Addr(t.alt.sp), End: guest.Addr(t.alt.sp + t.alt.size)}, t.alt.holds(sp)
}

// Disposition is what the process does with sig.
func (p *Process) Disposition(sig int) Disposition {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.actions[sig]
}

// Ignored is the set of signals with SIG_IGN. A new program inherits it: signals in it for which the kernel has our
// handler (KernelAction) must be set to SIG_IGN just before execve.
func (p *Process) Ignored() Set {
	p.mu.Lock()
	defer p.mu.Unlock()
	var s Set
	for sig := 1; sig <= NSIG; sig++ {
		if p.actions[sig].Handler == SIG_IGN {
			s |= SetOf(sig)
		}
	}
	return s
}

// setMask changes t's mask. t is told when pending signals come through now, and signals of the process that t now
// leaves alone are offered to others. mu is held.
func (t *Thread) setMask(m Set) {
	m &^= unblockable
	if m == t.mask {
		return
	}
	blocked, freed := m&^t.mask, t.mask&^m
	t.mask = m
	t.p.host.SetMask(t, m)
	if freed&(t.pending.set|t.p.pending.set) != 0 {
		t.p.host.Wake(t)
	}
	t.p.offer(blocked&t.p.pending.set, t)
}

// changeMask is setMask for a system call, which a signal precedes that has come already: false says that there is one that the mask
// lets through and m may not. Nothing has changed then, and the call is to be made again behind the signal. Without that it would be
// taken from the kernel early, where signalfd, timers and other threads look for it. mu is held.
func (t *Thread) changeMask(m Set) bool {
	was := t.mask
	if m&^unblockable&^was == 0 {
		t.setMask(m)
		return true
	}
	if (t.pending.set|t.p.pending.set)&^was != 0 {
		return false
	}
	t.setMask(m)
	if t.p.host.Arrived(t) { // asked behind setMask: no more can come
		t.setMask(was)
		return false
	}
	return true
}

// SetTempMask makes m the mask for the duration of a system call that takes one (ppoll, pselect6, epoll_pwait). The
// signal that interrupts the call is delivered under m and its handler returns to the mask of before; RestoreMask
// must be called when the call was not interrupted. False says that the call is not to be made before the signals that have come:
// its result is -ERESTARTNOINTR.
func (t *Thread) SetTempMask(m Set) bool {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	return t.setTemp(m)
}

func (t *Thread) setTemp(m Set) bool {
	was := t.mask
	if !t.changeMask(m) {
		return false
	}
	if !t.restore {
		t.saved, t.restore = was, true
	}
	return true
}

// RestoreMask ends SetTempMask.
func (t *Thread) RestoreMask() {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	t.restoreMask()
}

func (t *Thread) restoreMask() {
	if t.restore {
		t.restore = false
		t.setMask(t.saved)
	}
}

// savedMask is the mask that a frame built now records.
func (t *Thread) savedMask() Set {
	if t.restore {
		return t.saved
	}
	return t.mask
}

// KernelAction is what the kernel's own disposition of a signal must be for the guest's.
type KernelAction struct {
	How   How
	Flags uint64 // SA_NOCLDSTOP, SA_NOCLDWAIT as the guest asked
}

// How is one of the three ways to treat a signal.
type How uint8

const (
	Catch   How = iota // our handler
	Default            // SIG_DFL: the kernel's default action is also what the guest is to see
	Ignore             // SIG_IGN: no system call is interrupted, no zombies, and exec hands it on
)

// caught are signals for which the kernel always has our handler: faults of the tool's own making are among them, and
// Go preempts by SIGURG and profiles by SIGPROF.
var caught = synchronous | SetOf(SIGURG, SIGPROF)

// kernelAction: signals that end the process are caught, because the tool reports before it dies; those that stop it
// or do nothing by default are the kernel's business (job control, orphaned process groups). mu is held, or p is new.
func (p *Process) kernelAction(sig int) KernelAction {
	d := &p.actions[sig]
	a := KernelAction{How: Catch, Flags: d.Flags & (SA_NOCLDSTOP | SA_NOCLDWAIT)}
	switch {
	case unblockable.Has(sig):
		a.How = Default
	case caught.Has(sig):
	case d.Handler == SIG_IGN:
		a.How = Ignore
	case d.Handler == SIG_DFL && (harmless.Has(sig) || stopping.Has(sig)):
		a.How = Default
	}
	return a
}

// KernelAction is what the kernel's own disposition of sig must be now.
func (p *Process) KernelAction(sig int) KernelAction {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kernelAction(sig)
}
