package sched

import (
	"time"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/signal"
	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// host does for package signal what only the real process can do.
type host struct{ s *Scheduler }

// keepOpen are signals that no thread ever blocks: faults of its own, Go's preemption signal, and ours.
const keepOpen = 1<<(signal.SIGSEGV-1) | 1<<(signal.SIGBUS-1) | 1<<(signal.SIGFPE-1) | 1<<(signal.SIGILL-1) | 1<<(signal.SIGTRAP-1) |
	1<<(signal.SIGSYS-1) | 1<<(signal.SIGURG-1) | 1<<(signal.SIGPROF-1) | 1<<(vcpu.Kick-1) |
	1<<(vcpu.StopSignal-1)

// kernelDefault are signals whose default action is the kernel's business: ignored ones, which must not interrupt system calls,
// and those of job control.
const kernelDefault = 1<<(signal.SIGCHLD-1) | 1<<(signal.SIGWINCH-1) | 1<<(signal.SIGCONT-1) | 1<<(signal.SIGTSTP-1) |
	1<<(signal.SIGTTIN-1) | 1<<(signal.SIGTTOU-1)

// kernelMask is the real mask of a thread whose guest mask is m.
func kernelMask(m uint64) uint64 { return m &^ keepOpen }

// SetMask is called by the thread itself.
func (h host) SetMask(t *signal.Thread, m signal.Set) {
	if t.Owner().(*Thread).ctx.Held == 0 { // else unblock does it
		vcpu.SetMask(kernelMask(uint64(m)))
	}
}

func (h host) SetAction(sig int, a signal.KernelAction) {
	if keepOpen>>(sig-1)&1 != 0 || sig == signal.SIGKILL || sig == signal.SIGSTOP {
		return
	}
	switch {
	case a.How == signal.Ignore:
		vcpu.Ignore(sig)
	case a.How == signal.Default && kernelDefault>>(sig-1)&1 != 0:
		vcpu.Default(sig)
	default:
		// Default actions that end the process are ours too: results must be written first.
		vcpu.HandleWith(sig, a.Flags)
	}
}

func (h host) Wake(t *signal.Thread) {
	g := t.Owner().(*Thread)
	g.kick()
}

func (h host) Pending(t *signal.Thread) signal.Set {
	return signal.Set(vcpu.PendingSignals()) // t is the calling thread
}

// Arrived is called by the thread itself.
func (h host) Arrived(t *signal.Thread) bool { return t.Owner().(*Thread).ctx.Queued() }

// Block waits for a signal. The thread's own mask lets through what it waits for.
func (h host) Block(t *signal.Thread, timeout time.Duration) {
	t.Owner().(*Thread).wait(func(c *vcpu.Context) {
		ts := unix.NsecToTimespec(int64(timeout))
		c.WaitSignal(&ts, timeout >= 0)
	})
}

// Take leaves it to the kernel which signal comes first, and what becomes of the others.
func (h host) Take(t *signal.Thread, want signal.Set, timeout time.Duration) (info signal.Info, ok, over bool) {
	t.Owner().(*Thread).wait(func(c *vcpu.Context) {
		ts := unix.NsecToTimespec(int64(timeout))
		var raw vcpu.SigInfo
		r := c.TakeSignal(uint64(want)&^keepOpen, &raw, &ts, timeout >= 0)
		info, ok, over = signal.Info(raw), r > 0, r == -int64(unix.EAGAIN)
	})
	return info, ok, over
}

// wait makes the system call of f, which ends when a signal comes, and queues what has come. Signals that are there already keep it
// from being made.
func (t *Thread) wait(f func(c *vcpu.Context)) {
	t.ctx.Pending = 0 // before the look at what there is: a later signal sets it again
	t.drain()
	if !t.sig.Ready() {
		t.unblock()
		t.park()
		f(t.ctx)
		t.unpark()
		t.drain()
	}
	t.ctx.Pending = 1 // for what is queued, and is held
}

// goOpen are the signals that no thread of Go's blocks (vcpu's holdable, and those that are never blocked), less SIGURG, which is Go's
// own.
const goOpen = 1<<(signal.SIGILL-1) | 1<<(signal.SIGTRAP-1) | 1<<(signal.SIGBUS-1) | 1<<(signal.SIGFPE-1) | 1<<(signal.SIGSEGV-1) |
	1<<(signal.SIGSTKFLT-1) | 1<<(signal.SIGPROF-1) | 1<<(signal.SIGSYS-1)

// sendToSelf does what kill and sigqueue do for such a signal to the own process. The kernel may give it to one of Go's threads, and the
// sender would see it only some time after its call. A sender that blocks it, as musl's sigqueue does, gets it as its own if there is no
// other thread of the guest that could take it.
func (t *Thread) sendToSelf(nr uintptr, a *[6]uint64) bool {
	if nr != unix.SYS_KILL && nr != unix.SYS_RT_SIGQUEUEINFO {
		return false
	}
	sig := int(a[1])
	if sig < 1 || sig > signal.NSIG || goOpen>>(sig-1)&1 == 0 || int(int32(a[0])) != unix.Getpid() {
		return false
	}
	if kernelDefault>>(sig-1)&1 != 0 {
		if h := t.s.signals.Disposition(sig).Handler; h == signal.SIG_DFL || h == signal.SIG_IGN {
			return false // the kernel knows what to do
		}
	}
	info := signal.UserInfo(sig, signal.SI_USER, uint32(unix.Getpid()), uint32(unix.Getuid()))
	if nr == unix.SYS_RT_SIGQUEUEINFO {
		if t.s.cfg.Space.ReadMem(info[:], guest.Addr(a[2])) < len(info) {
			return false
		}
		copy(info[:4], le32(uint32(sig)))
	}
	if t.sig.Mask().Has(sig) {
		t.s.mu.Lock()
		alone := len(t.s.threads) == 1
		t.s.mu.Unlock()
		return alone && vcpu.Send(t.TID(), vcpu.SigInfo(info)) == 0
	}
	t.s.signals.Queue(info)
	return true
}

// sendDirectly does what tkill and tgkill do for the signals by which Go and the core interrupt threads of their own process: in
// the kernel's siginfo they would look the same. It reports whether the call was one for a thread of the guest.
func (t *Thread) sendDirectly(nr uintptr, a *[6]uint64) bool {
	if t.sendToSelf(nr, a) {
		return true
	}
	var tid, sig uint64
	switch {
	case nr == unix.SYS_TKILL:
		tid, sig = a[0], a[1]
	case nr == unix.SYS_TGKILL && int(int32(a[0])) == unix.Getpid():
		tid, sig = a[1], a[2]
	}
	if sig != signal.SIGURG && sig != vcpu.Kick {
		return false
	}
	s := t.s
	s.mu.Lock()
	var to *Thread
	for _, o := range s.threads {
		if o.ctx.TID == tid {
			to = o
		}
	}
	s.mu.Unlock()
	if to == nil {
		return false
	}
	to.sig.Queue(signal.UserInfo(int(sig), signal.SI_TKILL, uint32(unix.Getpid()), uint32(unix.Getuid())))
	return true
}

// drain moves queued signals of the handler's ring to the guest's queues. The kernel keeps others until unblock.
func (t *Thread) drain() {
	var raw vcpu.SigInfo
	for t.ctx.NextSignal(&raw) {
		info := signal.Info(raw)
		t.s.traceSignal("async signal handler: signal=%d, tid=%d, si_code=%d", info.Signo(), t.id, info.Code())
		if info.Code() == signal.SI_TKILL {
			t.sig.Queue(info)
		} else {
			t.s.signals.Queue(info)
		}
	}
}

// unblock lets the signals come that the mask lets through, when what has come before has been queued.
func (t *Thread) unblock() { t.ctx.Unblock(kernelMask(uint64(t.sig.Mask()))) }

// signalsFirst holds signals and reports whether there are some that precede a system call that is about to be made. The caller sees to
// unblock, or ends the thread: the kernel then gives signals for the process to others.
func (t *Thread) signalsFirst() bool {
	if t.ctx.Held == 0 {
		t.ctx.Hold()
		return t.ctx.RingR != t.ctx.RingW || t.sig.Ready()
	}
	return true
}

// signals adds to the guest's signal state what syswrap needs beside it.
type signals struct{ *signal.Process }

func (signals) TempMask(t tool.Thread, mask uint64) bool {
	return t.(*Thread).sig.SetTempMask(signal.Set(mask))
}

func (signals) RestoreMask(t tool.Thread) { t.(*Thread).sig.RestoreMask() }
