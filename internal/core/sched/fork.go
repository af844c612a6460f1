package sched

import (
	"errors"
	"runtime"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/syswrap"
	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
)

// Flags of clone that fork acts on itself, or that stand for sharing memory with the parent, which a child of ours does not.
const (
	cloneEmulated = unix.CLONE_VM | unix.CLONE_VFORK | unix.CLONE_SETTLS | unix.CLONE_PARENT_SETTID | unix.CLONE_CHILD_SETTID |
		unix.CLONE_CHILD_CLEARTID | unix.CLONE_SIGHAND
	cloneSignal = 0xff // CSIGNAL: the low byte is the exit signal
)

// fork makes a process: all of this one, with t as its only guest thread. Result is the child's id, 0 in the child, or a
// negative error number. With CLONE_VFORK the child gets a copy of the memory, too, and the parent waits.
func (t *Thread) fork(a *syswrap.CloneArgs) int64 {
	s := t.s
	vfork := a.Flags&unix.CLONE_VFORK != 0
	if a.Flags&unix.CLONE_VM != 0 && !vfork || a.Flags&unix.CLONE_THREAD != 0 || len(a.SetTID) > 0 || a.Flags&unix.CLONE_INTO_CGROUP != 0 {
		if s.refused.CompareAndSwap(false, true) {
			s.cfg.Warn("clone with flags %#x is not supported: it fails with EINVAL", a.Flags)
		}
		return -int64(unix.EINVAL)
	}
	if s.cfg.Forking != nil && !vfork {
		s.cfg.Forking(t)
	}
	var l *lender
	res := int64(0)
	s.stopOthers(t, func() {
		if vfork {
			var err error
			if l, err = t.lend(); err != nil {
				res = -int64(unix.EAGAIN)
				return
			}
		}
		res = t.forkStopped(a, l)
	})
	if l == nil || res == 0 {
		return res
	}
	if res < 0 {
		l.abandon()
		return res
	}
	t.awaitReturn(l)
	return res
}

// forkStopped is fork with all other guest threads at instruction boundaries or in system calls.
func (t *Thread) forkStopped(a *syswrap.CloneArgs, l *lender) int64 {
	s := t.s
	call := vcpu.ForkCall{
		Flags: a.Flags&^(cloneEmulated|cloneSignal) | uint64(a.ExitSignal)&cloneSignal,
		Pidfd: uintptr(a.Pidfd),
	}
	s.mu.Lock() // a thread of the parent's that wakes up in the child has to pass here, and finds itself gone
	for _, o := range s.threads {
		if o != t {
			call.Others = append(call.Others, o.ctx)
		}
		if o.waitFD != 0 {
			call.Close = append(call.Close, o.waitFD)
		}
	}
	s.cfg.Space.Lock()
	pid, err := t.ctx.Fork(&call)
	s.cfg.Space.Unlock()
	if err == nil && pid == 0 {
		s.alone(t)
	}
	s.mu.Unlock()
	switch {
	case errors.Is(err, vcpu.ErrThreads):
		s.cfg.Warn("fork fails with EAGAIN: %v", err)
		return -int64(unix.EAGAIN)
	case err != nil:
		return -int64(err.(unix.Errno))
	case pid != 0:
		if a.Flags&unix.CLONE_PARENT_SETTID != 0 {
			t.Store(le32(uint32(pid)), a.ParentTID)
		}
		return int64(pid)
	}
	t.forked(a, l)
	return 0
}

// Alone makes a system call for which the process must have one thread only.
func (t *Thread) Alone(nr uintptr, a [6]uint64) int64 {
	s := t.s
	s.mu.Lock()
	alone := len(s.threads) == 1 && t.TID() == unix.Getpid()
	s.mu.Unlock()
	if !alone {
		return -int64(unix.EINVAL)
	}
	t.kickable(false)
	defer t.kickable(true)
	r, err := t.ctx.Alone(nr, &a)
	if err != nil {
		s.cfg.Warn("%v", err)
		return -int64(unix.EINVAL)
	}
	return r
}

// alone leaves self as the only thread of the child. s.mu is held.
func (s *Scheduler) alone(self *Thread) {
	for id, t := range s.threads {
		if t != self {
			t.gone = true
			t.ctx.Dead, t.ctx.Pending = 1, 1
			delete(s.threads, id)
		}
	}
	s.ending.Store(false)
}

// leaveIfGone ends the calling goroutine if t, whose goroutine it is, is not a thread of this process. s.mu is held.
func (s *Scheduler) leaveIfGone(t *Thread) {
	if t == nil || !t.gone {
		return
	}
	s.mu.Unlock()
	if t.id == 1 {
		select {} // what is deferred on the first goroutine is for the end of the process
	}
	runtime.Goexit()
}

// forked makes t what the child's thread is to be. l is set in the child of a vfork.
func (t *Thread) forked(a *syswrap.CloneArgs, l *lender) {
	s, r := t.s, &t.ctx.Regs
	if t.vfork != nil {
		t.vfork.abandon() // this is a grandchild: nobody waits for it
	}
	t.vfork = l
	if l != nil {
		l.inChild()
	}
	s.traceMe.Store(false)
	s.signals.Forked(t.sig)
	s.cfg.Space.AfterFork()
	t.clearTID, t.robust = 0, 0
	if a.Flags&unix.CLONE_CHILD_CLEARTID != 0 {
		t.clearTID = a.ChildTID
	}
	if a.Flags&unix.CLONE_CHILD_SETTID != 0 {
		t.Store(le32(uint32(t.TID())), a.ChildTID)
	}
	if a.Stack != 0 {
		r.GPR[guest.RSP] = uint64(a.Stack)
	}
	if a.Flags&unix.CLONE_SETTLS != 0 {
		r.FSBase = a.TLS
		t.setFSBase()
	}
	if s.cfg.Forked != nil {
		s.cfg.Forked(t)
	}
}
