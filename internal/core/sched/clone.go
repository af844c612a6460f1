package sched

import (
	"runtime"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/syswrap"
	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// clone makes a thread of the same process: a goroutine on an OS thread of its own, which starts with the caller's registers.
// Result is the new thread's id or a negative error number.
func (t *Thread) clone(a *syswrap.CloneArgs) int64 {
	const needed = unix.CLONE_VM | unix.CLONE_THREAD | unix.CLONE_SIGHAND
	if a.Flags&needed != needed {
		return t.fork(a)
	}
	if t.tooMany() {
		return -int64(unix.EAGAIN)
	}
	if t.s.cfg.Cloned != nil {
		t.s.cfg.Cloned(t)
	}
	ctx, err := vcpu.New()
	if err != nil {
		return -int64(unix.EAGAIN)
	}
	if t.s.tr.Share() {
		t.flush()
	}
	ctx.Regs = t.ctx.Regs
	copy(ctx.XSave(), t.ctx.XSave())
	ctx.Regs.GPR[guest.RAX] = 0
	if a.Stack != 0 {
		ctx.Regs.GPR[guest.RSP] = uint64(a.Stack)
	}
	if a.Flags&unix.CLONE_SETTLS != 0 {
		ctx.Regs.FSBase = a.TLS
	}
	n := t.s.newThread(ctx)
	if m, ok := t.s.cfg.Space.Find(a.Stack - 1); ok && a.Stack != 0 {
		// The C library keeps thread-local storage above, in the same mapping.
		n.stack = guest.Range{Start: m.Start, End: min(m.End, a.Stack.PageUp())}
	}
	t.trace("makes thread %d", n.id)
	n.parked = true
	if a.Flags&unix.CLONE_CHILD_CLEARTID != 0 {
		n.clearTID = a.ChildTID
	}
	n.sig = t.sig.Clone(n)
	mask := uint64(n.sig.Mask())
	started, released := make(chan int64), make(chan struct{})
	go func() {
		runtime.LockOSThread() // never unlocked: the OS thread ends with the goroutine
		ctx.Attach(n.gs())
		vcpu.SetMask(kernelMask(mask))
		tid := int64(ctx.TID)
		if a.Flags&unix.CLONE_CHILD_SETTID != 0 {
			t.Store(le32(uint32(tid)), a.ChildTID)
		}
		started <- tid
		<-released // the kernel stores the parent's copy of the id, too, before the child runs
		n.unpark()
		n.loop()
		vcpu.SetMask(^uint64(keepOpen))
		ctx.Detach()
		n.freeEvents()
		vcpu.Free(ctx)
	}()
	tid := <-started
	if a.Flags&unix.CLONE_PARENT_SETTID != 0 {
		t.Store(le32(uint32(tid)), a.ParentTID)
	}
	if w := t.s.cfg.Threads; w != nil {
		w.ThreadCreated(t, n)
	}
	close(released)
	return tid
}

// tooMany ends the process if one more thread is over the limit that the user has given.
func (t *Thread) tooMany() bool {
	s := t.s
	s.mu.Lock()
	n := len(s.threads)
	s.mu.Unlock()
	if s.cfg.MaxThreads == 0 || n < s.cfg.MaxThreads-1 { // Valgrind's number 0 is none
		return false
	}
	s.cfg.TooManyThreads(t)
	s.exit(t, tool.Exit{Status: 1})
	return true
}

func le32(x uint32) []byte { return []byte{byte(x), byte(x >> 8), byte(x >> 16), byte(x >> 24)} }
