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
	if t.Owner().(*Thread).ctx.Held == 0 { // else drain does it
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

// Block waits for a signal. The thread's own mask lets through what it waits for.
func (h host) Block(t *signal.Thread, timeout time.Duration) {
	g := t.Owner().(*Thread)
	g.park()
	ts := unix.NsecToTimespec(int64(timeout))
	g.ctx.WaitSignal(&ts, timeout >= 0)
	g.unpark()
	g.drain()
}

// goOpen are the signals that Go unblocks in all its threads (runtime/sigtab_linux_generic.go, _SigUnblock), less SIGURG, which is
// Go's own.
const goOpen = 1<<(signal.SIGHUP-1) | 1<<(signal.SIGCHLD-1) | 1<<(signal.SIGINT-1) | 1<<(signal.SIGQUIT-1) | 1<<(signal.SIGILL-1) | 1<<(signal.SIGTRAP-1) |
	1<<(signal.SIGABRT-1) | 1<<(signal.SIGBUS-1) | 1<<(signal.SIGFPE-1) | 1<<(signal.SIGSEGV-1) | 1<<(signal.SIGTERM-1) |
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

// drain moves queued signals of the handler's ring to the guest's queues, also those that had no room in the ring.
func (t *Thread) drain() {
	var raw vcpu.SigInfo
	for {
		for t.ctx.NextSignal(&raw) {
			info := signal.Info(raw)
			t.s.traceSignal("async signal handler: signal=%d, tid=%d, si_code=%d", info.Signo(), t.id, info.Code())
			if info.Code() == signal.SI_TKILL {
				t.sig.Queue(info)
			} else {
				t.s.signals.Queue(info)
			}
		}
		if !t.ctx.Unblock(kernelMask(uint64(t.sig.Mask()))) {
			return
		}
	}
}

// signals adds to the guest's signal state what syswrap needs beside it.
type signals struct{ *signal.Process }

func (signals) TempMask(t tool.Thread, mask uint64) { t.(*Thread).sig.SetTempMask(signal.Set(mask)) }

func (signals) RestoreMask(t tool.Thread) { t.(*Thread).sig.RestoreMask() }
