package signal

import (
	"encoding/binary"
	"math"
	"syscall"
	"time"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// Values of how of sigprocmask.
const (
	SIG_BLOCK   = 0
	SIG_UNBLOCK = 1
	SIG_SETMASK = 2
)

const setSize = 8 // sizeof(sigset_t) of the kernel

// Results below are raw: negative error numbers, checks in the kernel's order. The first memory access that fails
// gives EFAULT; what was changed before stays changed, as it does in the kernel.
const (
	eintr  = -int64(syscall.EINTR)
	eagain = -int64(syscall.EAGAIN)
	efault = -int64(syscall.EFAULT)
	einval = -int64(syscall.EINVAL)
	enomem = -int64(syscall.ENOMEM)
	eperm  = -int64(syscall.EPERM)
)

// stateOf finds the signal state of a thread.
func stateOf(t tool.Thread) *Thread {
	return t.(interface{ Signals() *Thread }).Signals()
}

func get32(b []byte) uint32    { return binary.LittleEndian.Uint32(b) }
func get64(b []byte) uint64    { return binary.LittleEndian.Uint64(b) }
func put32(b []byte, v uint32) { binary.LittleEndian.PutUint32(b, v) }
func put64(b []byte, v uint64) { binary.LittleEndian.PutUint64(b, v) }

// accessOK is the kernel's access_ok for the guest's address space: the tool's own memory above it is out of reach.
func accessOK(a guest.Addr, n int) bool {
	return a+guest.Addr(n) >= a && a+guest.Addr(n) <= guest.MaxAddr
}

func (p *Process) read(b []byte, a guest.Addr) bool {
	return accessOK(a, len(b)) && p.mem.ReadMem(b, a) == len(b)
}

func (p *Process) write(b []byte, a guest.Addr) bool {
	return accessOK(a, len(b)) && p.mem.WriteMem(b, a) == len(b)
}

func (p *Process) readSet(a guest.Addr) (Set, bool) {
	var b [setSize]byte
	ok := p.read(b[:], a)
	return Set(get64(b[:])), ok
}

// Sigaction is rt_sigaction.
func (p *Process) Sigaction(t tool.Thread, sig int, act, old guest.Addr, size uint64) int64 {
	if size != setSize {
		return einval
	}
	var b [32]byte
	var d Disposition
	if act != 0 {
		if !p.read(b[:], act) {
			return efault
		}
		d = Disposition{Handler: get64(b[0:]), Flags: get64(b[8:]), Restorer: get64(b[16:]), Mask: Set(get64(b[24:]))}
	}
	if sig < 1 || sig > NSIG || act != 0 && unblockable.Has(sig) {
		return einval
	}
	was := p.exchange(sig, d, act != 0)
	if old != 0 {
		put64(b[0:], was.Handler)
		put64(b[8:], was.Flags)
		put64(b[16:], was.Restorer)
		put64(b[24:], uint64(was.Mask))
		if !p.write(b[:], old) {
			return efault
		}
	}
	return 0
}

// exchange sets the disposition of sig if set is true and returns the one before.
func (p *Process) exchange(sig int, d Disposition, set bool) Disposition {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.actions[sig]
	if set {
		d.Flags &= saKnown
		d.Mask &^= unblockable
		p.actions[sig] = d
		if d.ignores(sig) {
			p.drop(SetOf(sig))
		}
		p.host.SetAction(sig, p.kernelAction(sig))
	}
	return was
}

// Sigprocmask is rt_sigprocmask. -ERESTARTNOINTR says that it is to be made again behind the signals that have come.
func (p *Process) Sigprocmask(t tool.Thread, how int, set, old guest.Addr, size uint64) int64 {
	if size != setSize {
		return einval
	}
	s := stateOf(t)
	was := s.Mask()
	if set != 0 {
		m, ok := p.readSet(set)
		if !ok {
			return efault
		}
		switch how {
		case SIG_BLOCK:
			m = was | m
		case SIG_UNBLOCK:
			m = was &^ m
		case SIG_SETMASK:
		default:
			return einval
		}
		p.mu.Lock()
		ok = s.changeMask(m)
		p.mu.Unlock()
		if !ok {
			return -ERESTARTNOINTR
		}
	}
	if old != 0 {
		var b [setSize]byte
		put64(b[:], uint64(was))
		if !p.write(b[:], old) {
			return efault
		}
	}
	return 0
}

// Sigpending is rt_sigpending; a size below that of a set copies a part of it.
func (p *Process) Sigpending(t tool.Thread, set guest.Addr, size uint64) int64 {
	if size > setSize {
		return einval
	}
	s := stateOf(t)
	held := p.host.Pending(s)
	p.mu.Lock()
	held = (held | s.pending.set | p.pending.set) & s.mask
	p.mu.Unlock()
	var b [setSize]byte
	put64(b[:], uint64(held))
	if !p.write(b[:size], set) {
		return efault
	}
	return 0
}

// Sigsuspend is rt_sigsuspend. It returns -ERESTARTNOHAND when a signal is there to be looked at, and -ERESTARTNOINTR when one came
// before the call; the caller goes on
// with Next and Restart as after any interrupted call. The temporary mask is undone by Deliver or by Next.
func (p *Process) Sigsuspend(t tool.Thread, set guest.Addr, size uint64) int64 {
	if size != setSize {
		return einval
	}
	m, ok := p.readSet(set)
	if !ok {
		return efault
	}
	s := stateOf(t)
	p.mu.Lock()
	ok = s.setTemp(m)
	ready := s.ready()
	p.mu.Unlock()
	if !ok {
		return -ERESTARTNOINTR
	}
	for ; !ready; ready = s.Ready() {
		p.host.Block(s, -1)
	}
	return -ERESTARTNOHAND
}

// Sigtimedwait is rt_sigtimedwait.
func (p *Process) Sigtimedwait(t tool.Thread, set, info, timeout guest.Addr, size uint64) int64 {
	if size != setSize {
		return einval
	}
	want, ok := p.readSet(set)
	if !ok {
		return efault
	}
	wait := time.Duration(-1)
	if timeout != 0 {
		var b [16]byte
		if !p.read(b[:], timeout) {
			return efault
		}
		sec, nsec := int64(get64(b[0:])), get64(b[8:])
		if sec < 0 || nsec >= 1e9 {
			return einval
		}
		wait = math.MaxInt64
		if sec < math.MaxInt64/int64(time.Second) {
			wait = time.Duration(sec)*time.Second + time.Duration(nsec)
		}
	}
	got, err := p.await(stateOf(t), want&^unblockable, wait)
	if err != 0 {
		return err
	}
	if info != 0 && !p.write(got[:], info) {
		return efault
	}
	return int64(got.Signo())
}

// await takes a signal of want from the queues of t, or one that the kernel holds back, waiting for at most wait (negative: for
// ever). A signal that is not wanted but let through ends the wait.
func (p *Process) await(t *Thread, want Set, wait time.Duration) (Info, int64) {
	end := time.Now().Add(wait)
	p.mu.Lock()
	defer p.mu.Unlock()
	t.waiting = want
	defer func() { t.waiting = 0 }()
	for left, over := wait, false; ; {
		if info, ok := t.dequeue(want); ok {
			return info, 0
		}
		if (t.pending.set|p.pending.set)&^t.mask != 0 {
			return Info{}, eintr
		}
		if over {
			return Info{}, eagain
		}
		p.mu.Unlock()
		info, ok, late := p.host.Take(t, want, left)
		p.mu.Lock()
		if ok {
			return info, 0
		}
		over = late
		if wait >= 0 {
			left = max(time.Until(end), 0)
		}
	}
}

// holds reports whether sp is on the stack: as stacks grow down, its end is on it and its start is not.
func (a *altStack) holds(sp uint64) bool { return sp > a.sp && sp-a.sp <= a.size }

// active reports whether sp is on the stack and the stack is one that stays armed while it is in use.
func (a *altStack) active(sp uint64) bool { return a.flags&SS_AUTODISARM == 0 && a.holds(sp) }

// state is ss_flags as sigaltstack reports it.
func (a *altStack) state(sp uint64) uint32 {
	s := a.flags & SS_AUTODISARM
	switch {
	case a.size == 0:
		s |= SS_DISABLE
	case a.active(sp):
		s |= SS_ONSTACK
	}
	return s
}

// encode writes a as stack_t with the given flags. It leaves the padding between flags and size alone, as frames do.
func (a *altStack) encode(b []byte, flags uint32) {
	put64(b[0:], a.sp)
	put32(b[8:], flags)
	put64(b[16:], a.size)
}

func decodeStack(b []byte) altStack {
	return altStack{sp: get64(b[0:]), flags: get32(b[8:]), size: get64(b[16:])}
}

// Sigaltstack is sigaltstack.
func (p *Process) Sigaltstack(t tool.Thread, ss, old guest.Addr) int64 {
	var b [24]byte
	var next altStack
	if ss != 0 {
		if !p.read(b[:], ss) {
			return efault
		}
		next = decodeStack(b[:])
	}
	s := stateOf(t)
	sp := t.Regs().GPR[guest.RSP]
	p.mu.Lock()
	clear(b[:])
	s.alt.encode(b[:], s.alt.state(sp))
	var err int64
	if ss != 0 {
		err = s.setAlt(next, sp)
	}
	p.mu.Unlock()
	if err == 0 && old != 0 && !p.write(b[:], old) {
		err = efault
	}
	return err
}

// setAlt is sigaltstack's change, made with stack pointer sp. mu is held.
func (t *Thread) setAlt(next altStack, sp uint64) int64 {
	if t.alt.active(sp) {
		return eperm
	}
	switch next.flags &^ SS_AUTODISARM {
	case SS_DISABLE:
		next.sp, next.size = 0, 0
	case 0, SS_ONSTACK:
		if next != t.alt && next.size < minStackSize {
			return enomem
		}
	default:
		return einval
	}
	t.alt = next
	return 0
}
