package sched

import (
	"golang.org/x/sys/unix"

	"gogrind/internal/core/signal"
	"gogrind/internal/core/syswrap"
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// enterGetEvents is IORING_ENTER_GETEVENTS: the call waits for results (include/uapi/linux/io_uring.h).
const enterGetEvents = 1

// Raw makes a system call in the kernel. While it lasts the thread counts as stopped.
func (t *Thread) Raw(nr uintptr, a [6]uint64) int64 {
	if t.s.traceMe.Load() && signalsItself(nr, &a) {
		t.s.beTraced()
	}
	if t.sendDirectly(nr, &a) {
		return 0
	}
	w := waitOf(t.Memory(), nr, &a)
	// requests are those that io_uring_enter has taken before it waited: they are its result, however the wait ended.
	requests := int64(0)
	for {
		if t.s.cfg.TraceSched != nil {
			t.trace("enters system call %d", nr)
		}
		t.park()
		r, aborted := t.ctx.Syscall(nr, &a)
		t.unpark()
		if t.s.cfg.TraceSched != nil {
			t.trace("is back from system call %d", nr)
		}
		if nr == unix.SYS_IO_URING_ENTER && requests == 0 && r > 0 && a[3]&enterGetEvents != 0 {
			requests, a[1] = r, 0
		}
		if requests != 0 && t.ctx.Pending == 0 {
			return requests
		}
		if requests == 0 && r != -signal.ERESTARTSYS && r != -int64(unix.EINTR) {
			return r
		}
		t.ctx.Pending = 0 // before the look at what there is: a later signal sets it again
		t.drain()
		if t.sig.Ready() {
			t.ctx.Pending = 1
			if requests != 0 {
				return requests
			}
			return interrupted(nr, r, aborted)
		}
		t.unblock()
		w.goOn(&a) // a kick of ours, or a signal that is ignored: no business of the guest's
	}
}

// interrupted is the kernel's internal result of call nr with result r that a signal for the guest has interrupted.
func interrupted(nr uintptr, r int64, aborted bool) int64 {
	if r == -int64(unix.EINTR) {
		return signal.Interrupted(uint64(nr)).Result
	}
	if !aborted {
		return r
	}
	// The signal came before the call: its handler runs, then the call is made. Only where the mask is the call's own has the
	// signal ended it.
	switch nr {
	case unix.SYS_PPOLL, unix.SYS_PSELECT6, unix.SYS_EPOLL_PWAIT, unix.SYS_EPOLL_PWAIT2, unix.SYS_IO_PGETEVENTS, unix.SYS_IO_URING_ENTER:
		return -signal.ERESTARTNOHAND
	}
	return -signal.ERESTARTNOINTR
}

// restarting reports whether r is one of the kernel's internal results of an interrupted call.
func restarting(r int64) bool {
	return r == -signal.ERESTARTSYS || r == -signal.ERESTARTNOINTR || r == -signal.ERESTARTNOHAND || r == -signal.ERESTART_RESTARTBLOCK
}

// systemCall performs the call that the registers ask for; RIP is behind the instruction.
func (t *Thread) systemCall() {
	r := &t.ctx.Regs
	nr := r.GPR[guest.RAX]
	if t.silent {
		if res, ok := t.unwritten(nr); ok {
			r.GPR[guest.RAX] = res
			return
		}
	}
	fs, gs := r.FSBase, r.GSBase
	out := t.s.engine.Do(t)
	switch out.Kind {
	case syswrap.Done:
		r.GPR[guest.RAX] = uint64(out.Result)
		if r.FSBase != fs || r.GSBase != gs {
			t.setFSBase()
		}
		if nr == unix.SYS_SET_TID_ADDRESS {
			t.clearTID = guest.Addr(r.GPR[guest.RDI])
		}
		if nr == unix.SYS_SET_ROBUST_LIST && out.Result == 0 {
			t.robust = guest.Addr(r.GPR[guest.RDI])
		}
		if restarting(out.Result) {
			t.inCall, t.syscall = true, nr
			t.pending()
		}
	case syswrap.Sigreturn:
		sp := r.GPR[guest.RSP]
		err := t.sig.Sigreturn(r, t.ctx.XSave())
		if err == signal.ErrEarlier {
			t.makeAgain(nr)
			break
		}
		t.s.traceSignal("signal_return (thread %d): RIP=%#x", t.id, r.RIP)
		if t.framed(guest.Addr(sp)-8, guest.Addr(r.GPR[guest.RSP])) {
			t.moved(sp)
		}
		t.popExact(guest.Addr(sp))
		t.original.pop(guest.Addr(sp))
		t.begun.pop(guest.Addr(sp), t.ctx)
		if err != nil {
			t.deliver()
			return
		}
		if t.sig.Ready() {
			t.deliver()
		}
	case syswrap.Exit:
		if t.signalsFirst() {
			t.makeAgain(nr)
			break
		}
		t.end(out.Status)
	case syswrap.ExitGroup:
		t.s.exit(t, tool.Exit{Status: out.Status & 0xff})
	case syswrap.Exec:
		if t.signalsFirst() {
			t.makeAgain(nr)
			break
		}
		res := t.exec(&out.Exec)
		if res == -signal.ERESTARTNOINTR {
			t.makeAgain(nr)
			break
		}
		r.GPR[guest.RAX] = uint64(res)
		t.unblock()
	case syswrap.Clone:
		r.GPR[guest.RAX] = uint64(t.clone(&out.Clone))
	case syswrap.Fork, syswrap.Vfork:
		if t.signalsFirst() {
			t.makeAgain(nr)
			break
		}
		r.GPR[guest.RAX] = uint64(t.fork(&out.Clone))
		t.unblock()
	default:
		t.bug("outcome %v of system call %d", out.Kind, nr)
	}
}

// newMain makes the oldest thread the one that gets the signals which Go's threads are hit by. s.mu is held.
func (s *Scheduler) newMain() {
	var oldest *Thread
	for id, t := range s.threads {
		if oldest == nil || id < oldest.id {
			oldest = t
		}
	}
	if oldest != nil {
		oldest.ctx.SetMain()
	}
}

// makeAgain lets call nr, which has changed nothing, be made again behind the signals that have come.
func (t *Thread) makeAgain(nr uint64) {
	again := -int64(signal.ERESTARTNOINTR)
	t.ctx.Regs.GPR[guest.RAX] = uint64(again)
	t.inCall, t.syscall = true, nr
	t.pending()
}

// end ends the thread; the last one ends the process.
func (t *Thread) end(status int) {
	s := t.s
	s.mu.Lock()
	last := len(s.threads) == 1
	s.mu.Unlock()
	if last {
		s.exit(t, tool.Exit{Status: status & 0xff})
	}
	if s.cfg.Threads != nil {
		s.cfg.Threads.ThreadEnded(t)
	}
	t.leaveRobust()
	t.sig.End()
	t.ctx.Dead = 1
	s.mu.Lock()
	delete(s.threads, t.id)
	if t.ctx.Main() {
		s.newMain()
	}
	s.exactStats.add(&t.exact.stats)
	last = len(s.threads) == 0
	s.cond.Broadcast()
	s.mu.Unlock()
	if last { // two threads ended at the same time
		s.mu.Lock()
		s.threads[t.id] = t
		s.mu.Unlock()
		s.exit(t, tool.Exit{Status: status & 0xff})
	}
	if t.clearTID != 0 {
		t.Store(make([]byte, 4), t.clearTID)
		unix.RawSyscall6(unix.SYS_FUTEX, uintptr(t.clearTID), 1, 1, 0, 0, 0) // FUTEX_WAKE one waiter, pthread_join
	}
}
