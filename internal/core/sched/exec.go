package sched

import (
	"errors"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/signal"
	"gogrind/internal/core/syswrap"
	"gogrind/internal/core/vcpu"
)

// exec replaces the program: the kernel does it, with what the guest is to hand on. It returns only when that failed, with the
// thread as it was. The caller holds signals (signalsFirst): one that comes before the kernel begins keeps the call from being made, with
// the result -ERESTARTNOINTR, as its handler would be gone and its default action not yet that of the new program.
func (t *Thread) exec(a *syswrap.ExecArgs) int64 {
	native, err := t.s.cfg.Exec(t, a)
	if err != nil {
		var e unix.Errno
		if errors.As(err, &e) {
			return -int64(e)
		}
		return -int64(unix.EACCES)
	}
	path, err := unix.BytePtrFromString(a.Path)
	if err != nil {
		return -int64(unix.EINVAL)
	}
	argv, err1 := cStrings(a.Argv)
	envv, err2 := cStrings(a.Env)
	if err1 != nil || err2 != nil {
		return -int64(unix.EINVAL)
	}
	t.kickable(false)
	restore := t.inherit(native)
	keep := t.handOn()
	t.ctx.Pending = 0 // a signal sets it again
	r, aborted := t.execveat(t.s.traceMe.CompareAndSwap(true, false), a.DirFD, path, argv, envv, a.Flags)
	t.ctx.Pending = 1
	keep()
	restore()
	t.kickable(true)
	if aborted {
		return -signal.ERESTARTNOINTR
	}
	return r
}

// kickable says whether t may be kicked. A kick that is under way has arrived when kickable returns: an exec'ed program would
// inherit a pending one, and die of it.
func (t *Thread) kickable(yes bool) {
	t.kicks.Lock()
	t.leaving = !yes
	t.kicks.Unlock()
	unix.RawSyscall(unix.SYS_GETPID, 0, 0, 0) // signals arrive at the end of a system call at the latest
}

// handOn gives the kernel the blocked signals that wait in the guest's queues, for a new program to find: those that the tool never blocks.
// The function that is returned takes them back.
func (t *Thread) handOn() (keep func()) {
	infos := t.sig.Blocked()
	if len(infos) == 0 {
		return func() {}
	}
	old := vcpu.SetMask(^uint64(0)) // nothing of the guest's memory is touched from now on
	for _, info := range infos {
		vcpu.Send(t.TID(), vcpu.SigInfo(info))
	}
	return func() {
		for _, info := range infos {
			vcpu.Discard(info.Signo())
		}
		vcpu.SetMask(old)
	}
}

// inherit makes ignored signals and resource limits of the real process those of the guest, which a new program gets; if that is the tool again, only of open files, as it can't work within other limits of the guest's. The function that
// it returns undoes that.
func (t *Thread) inherit(native bool) (restore func()) {
	s := t.s
	ignored := uint64(s.signals.Ignored())
	for sig := 1; sig <= signal.NSIG; sig++ {
		if ignored>>(sig-1)&1 != 0 {
			vcpu.Ignore(sig)
		}
	}
	// Limits come last: from now on the tool may get no memory.
	ours := make(map[int]unix.Rlimit)
	for what, l := range s.engine.Limits() {
		var was unix.Rlimit
		if (native || what == unix.RLIMIT_NOFILE) && unix.Prlimit(0, what, nil, &was) == nil && was != l {
			ours[what] = was
			unix.Prlimit(0, what, &l, nil)
		}
	}
	return func() {
		for what, l := range ours {
			if unix.Prlimit(0, what, &l, nil) != nil {
				// The guest has lowered its hard limit for good: the tool gets what is left.
				var now unix.Rlimit
				unix.Prlimit(0, what, nil, &now)
				unix.Prlimit(0, what, &unix.Rlimit{Cur: now.Max, Max: now.Max}, nil)
			}
		}
		for sig := 1; sig <= signal.NSIG; sig++ {
			if ignored&keepOpen>>(sig-1)&1 != 0 {
				vcpu.Handle(sig)
			}
		}
		if ignored>>(signal.SIGURG-1)&1 != 0 {
			vcpu.Preempt() // Go waits for those that came in between
		}
	}
}
