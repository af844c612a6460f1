package sched

import (
	"errors"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/jit"
	"gogrind/internal/core/request"
	"gogrind/internal/core/signal"
	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// loop runs guest code until the thread ends.
func (t *Thread) loop() {
	debug.SetPanicOnFault(true) // the translator reads guest code directly: see jit.ErrBus
	t.trace("begins to run as thread %d of the kernel", t.TID())
	for !t.over() {
		host, ok := t.next()
		if !ok {
			continue
		}
		if t.chaos != nil {
			t.giveUp()
		}
		t.ctx.Run(host)
		t.exit()
	}
	t.trace("has ended")
}

// over reports whether the thread has ended.
func (t *Thread) over() bool { return t.ctx.Dead != 0 }

// next returns the host address to enter at; when there is none, something has been done about it and next is to be called
// again.
func (t *Thread) next() (uintptr, bool) {
	if t.chaos != nil && t.resume == 0 {
		t.disturb()
	}
	if t.ctx.Pending != 0 {
		if t.resume != 0 && !t.settle() {
			return 0, false
		}
		t.pending()
		return 0, false
	}
	if t.resume != 0 {
		host := t.resume
		t.resume = 0
		return host, true
	}
	t.unstep()
	if t.isExact() {
		return t.nextExact()
	}
	t.ctx.Dirty = 0
	entry := t.s.tr.Entry
	if t.original.pc != 0 && t.original.pc == guest.Addr(t.ctx.Regs.RIP) {
		entry = t.s.tr.Original
	}
	if t.begun.pc != 0 && t.begun.pc == guest.Addr(t.ctx.Regs.RIP) {
		entry = t.s.tr.Once
	}
	host, err := entry(guest.Addr(t.ctx.Regs.RIP))
	if err != nil {
		t.noCode(err)
		return 0, false
	}
	t.original.pc, t.begun.pc = 0, 0
	return host, true
}

// noCode handles RIP that cannot be translated.
func (t *Thread) noCode(err error) {
	switch {
	case errors.Is(err, jit.ErrFull):
		t.flush()
	case errors.Is(err, jit.ErrBus):
		const busAdrErr = 2
		pc := t.ctx.Regs.RIP
		t.fault(signal.FaultInfo(signal.SIGBUS, busAdrErr, pc), signal.Fault{Trap: 14, CR2: pc})
	case errors.Is(err, jit.ErrFetch):
		pc := t.ctx.Regs.RIP
		code := int32(segvMapErr)
		if _, ok := t.s.cfg.Space.Find(guest.Addr(pc)); ok {
			code = segvAccErr
		}
		if pc >= uint64(guest.MaxAddr) && int64(pc)<<16>>16 != int64(pc) {
			code, pc = signal.SI_KERNEL, 0 // a non-canonical address is a general protection fault
		}
		const fetch = 0x14 // page-fault error code: user mode, instruction fetch
		t.fault(signal.FaultInfo(signal.SIGSEGV, code, pc), signal.Fault{Err: fetch, Trap: 14, CR2: pc})
	default:
		t.bug("translation of %#x: %v", t.ctx.Regs.RIP, err)
	}
}

// flush empties the code cache with all threads out of it.
func (t *Thread) flush() {
	t.trace("empties the code cache")
	t.s.stopOthers(t, func() {
		t.s.clearPlanes()
		t.s.tr.Flush()
	})
}

// enterAt makes host the place to go on, or handles that there is none; pc is the guest address it stands for.
func (t *Thread) enterAt(pc guest.Addr, host uintptr, err error) {
	t.ctx.Regs.RIP = uint64(pc)
	if err != nil {
		t.noCode(err)
		return
	}
	t.resume = host
}

// indirect goes on at pc behind an indirect jump or return that did not find its target.
func (t *Thread) indirect(pc guest.Addr) {
	if t.exact.ver != 0 {
		t.ctx.Regs.RIP, t.exact.indirect, t.resume = uint64(pc), true, 0
		return
	}
	t.ctx.Dirty = 0
	host, err := t.s.tr.Indirect(pc)
	t.enterAt(pc, host, err)
}

// exit acts on the reason that the thread came out of guest code.
func (t *Thread) exit() {
	c := t.ctx
	arg := vcpu.Arg(c.Exit)
	t.exact.stats.Exits[vcpu.Kind(c.Exit)]++
	if t.exact.state != nil {
		t.leftDirty()
	}
	switch vcpu.Kind(c.Exit) {
	case vcpu.ExitSyscall, vcpu.ExitRequest, vcpu.ExitHook:
		t.flushEvents()
	}
	if k := vcpu.Kind(c.Exit); k != vcpu.ExitCheck && k != vcpu.ExitAborted {
		t.checked.again = false
	}
	switch vcpu.Kind(c.Exit) {
	case vcpu.ExitLink:
		if c.Dirty != 0 {
			t.linkDirty(arg)
			break
		}
		pc := t.s.tr.Target(arg)
		if t.chaos.one(chaosLink) {
			c.Regs.RIP = uint64(pc)
			break
		}
		host, err := t.s.tr.Link(arg)
		t.enterAt(pc, host, err)
	case vcpu.ExitIndirect:
		t.indirect(guest.Addr(c.IBTarget))
	case vcpu.ExitSyscall:
		c.Regs.RIP = uint64(t.s.tr.Target(arg))
		c.Regs.GPR[guest.RCX] = c.Regs.RIP
		c.Regs.GPR[guest.R11] = c.Regs.RFlags
		t.systemCall()
	case vcpu.ExitFault:
		t.hostFault()
	case vcpu.ExitInterrupt:
		t.resume = uintptr(c.HostPC)
		t.settle()
	case vcpu.ExitAborted:
		// Entry was given up before anything ran; t.settle finds out where that was to be.
		t.resume = uintptr(c.Target)
	case vcpu.ExitRequest:
		c.Regs.RIP = uint64(t.s.tr.Target(arg))
		t.request()
	case vcpu.ExitHook:
		if phase := c.Quick; phase != 0 {
			c.Quick = 0
			if t.s.cfg.QuickFault(t, phase) {
				t.hookReturns(c.Regs.GPR[guest.RAX])
				break
			}
		}
		if t.hook(arg) {
			t.defined(resultRegs)
		}
	case vcpu.ExitHookDone:
		t.hookReturns(c.Regs.GPR[guest.RAX])
	case vcpu.ExitCheck:
		t.check(arg)
	case vcpu.ExitEvent:
		t.appendEvents(arg)
	case vcpu.ExitVerify:
		pc, resume := t.s.tr.Verify(arg)
		c.Regs.RIP = uint64(pc)
		t.resume = resume
	case vcpu.ExitStep:
		t.stepped()
	case vcpu.ExitEmulate:
		t.emulate(t.s.tr.Target(arg))
	default:
		t.bug("exit %#x", c.Exit)
	}
}

// stepRounds is how many rounds of a repeated instruction that has been counted a stopped thread makes one by one, some 10 ms at most.
const stepRounds = 4096

// settle brings a thread that stopped at host address t.resume to an instruction boundary: RIP and all registers are then the
// guest's, and resume is 0. It reports whether it got there; if not, something else happened on the way and has been handled.
func (t *Thread) settle() bool {
	c, from := t.ctx, t.resume
	for i := 0; ; i++ {
		if t.resume < guest.PageSize {
			// The step was a return that is not paired, or the signal came between such a return and the fault that it causes.
			if t.unpairedReturn(); t.resume == 0 {
				return false
			}
		}
		loc := t.s.tr.Locate(t.resume)
		if loc.Exact {
			const behind = 64 // no longer is what lies between a check and its instruction
			t.checked.again = loc.PC == t.checked.pc && (t.checked.again || from-t.checked.resume < behind)
			if t.exact.state != nil {
				t.leftDirty()
			}
			c.Regs.RIP = uint64(loc.PC)
			t.original.at(&loc)
			t.resume = 0
			return true
		}
		if loc.Begun && c.Regs.GPR[guest.RCX] > stepRounds {
			c.Regs.RIP, t.begun.pc = uint64(loc.PC), loc.PC
			t.resume = 0
			return true
		}
		if after, ok := t.s.tr.MovingStack(t.resume, c); ok {
			if !t.finishMove(after) {
				return false
			}
			continue
		}
		if i > 100000 {
			t.bug("no instruction boundary in sight of %#x", t.resume)
		}
		c.Step(t.resume)
		switch vcpu.Kind(c.Exit) {
		case vcpu.ExitInterrupt:
			t.resume = uintptr(c.HostPC)
		case vcpu.ExitAborted:
		case vcpu.ExitFault:
			if c.Signo == signal.SIGTRAP && (*signal.Info)(&c.Info).Code() == trapTrace {
				t.resume = uintptr(c.HostPC)
				continue
			}
			t.resume = 0
			t.hostFault()
			if t.resume == 0 {
				return false
			}
		default:
			t.resume = 0
			t.exit()
			return false
		}
	}
}

// finishMove runs the routine of jit.MovingStack to its end, where t.resume is after.
func (t *Thread) finishMove(after uintptr) bool {
	c := t.ctx
	for {
		c.HostPC, c.Pending = 0, 0 // what is pending is being looked at; a signal that comes now sets it again
		c.Run(t.resume)
		c.Pending = 1
		switch vcpu.Kind(c.Exit) {
		case vcpu.ExitInterrupt:
			if c.HostPC == 0 {
				t.resume = after
				return true
			}
			t.resume = uintptr(c.HostPC) // a signal
		case vcpu.ExitFault:
			t.hostFault()
			if t.resume == 0 {
				return false
			}
		}
	}
}

// hook runs replaced function number n, and reports whether it has returned to its caller.
func (t *Thread) hook(n int) (returned bool) {
	c := t.ctx
	c.Regs.RIP = uint64(t.s.cfg.HookPC(n))
	res, returns := t.s.cfg.Hooks(n)(t)
	if !returns {
		return false
	}
	return t.hookReturns(res)
}

// hookReturns makes t return from a replaced function with result res. It reports whether it could.
func (t *Thread) hookReturns(res uint64) bool {
	c := t.ctx
	var ra [8]byte
	sp := guest.Addr(c.Regs.GPR[guest.RSP])
	if t.s.cfg.Space.ReadMem(ra[:], sp) < 8 {
		t.fault(signal.FaultInfo(signal.SIGSEGV, segvMapErr, uint64(sp)), signal.Fault{Err: 4, Trap: 14, CR2: uint64(sp)})
		return false
	}
	c.Regs.GPR[guest.RAX] = res
	c.Regs.GPR[guest.RSP] += 8
	c.Regs.RIP = le64(ra[:])
	return true
}

func le64(b []byte) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// request performs what a magic sequence asks for; RIP is behind it.
func (t *Thread) request() {
	var code [request.MagicLen]byte
	t.s.cfg.Space.ReadMem(code[:], guest.Addr(t.ctx.Regs.RIP-request.MagicLen))
	kind, _, _ := request.Magic(code[:])
	switch kind {
	case request.Request:
		if t.s.cfg.Request != nil {
			t.s.cfg.Request(t)
		}
	case request.GetNRAddr:
		if t.s.cfg.NRAddr != nil {
			t.ctx.Regs.GPR[guest.RAX] = t.s.cfg.NRAddr(t)
		}
	case request.CallNoRedir:
		r := &t.ctx.Regs
		sp := r.GPR[guest.RSP] - 8
		var b [8]byte
		for i := range b {
			b[i] = byte(r.RIP >> (8 * i))
		}
		if !t.Store(b[:], guest.Addr(sp)) {
			t.fault(signal.FaultInfo(signal.SIGSEGV, segvMapErr, sp), signal.Fault{Err: 6, Trap: 14, CR2: sp})
			return
		}
		r.GPR[guest.RSP] = sp
		r.RIP = r.GPR[guest.RAX]
		t.stackTaken(guest.Addr(sp))
		if w := t.s.cfg.Kernel; w != nil {
			w.AfterWrite(t, guest.Range{Start: guest.Addr(sp), End: guest.Addr(sp + 8)})
		}
		t.original.pc, t.original.used = guest.Addr(r.RIP), true
	}
}

// check lets the tool look at an access whose inline check, number n, failed.
func (t *Thread) check(n int) {
	c := t.ctx
	failed := t.s.tr.CheckAt(n)
	pc, access, resume := failed.PC, failed.Access, failed.Resume
	if failed.Step {
		c.Regs.RIP = uint64(pc)
		if t.original.used {
			loc := t.s.tr.Locate(resume)
			t.original.at(&loc)
		}
		t.GoExact()
		return
	}
	if t.checked.again && t.checked.pc == pc && t.checked.access >= access {
		t.checked.again, t.checked.resume = t.checked.access > access, resume
		t.resume = resume
		t.s.tr.Resumes(&failed)
		return
	}
	t.checked = checked{pc: pc, access: access, resume: resume}
	loc := t.s.tr.Locate(resume)
	saved := c.Regs
	loc.Unspill(c)
	c.Regs.RIP = uint64(pc)
	if exact := t.s.cfg.Check(t, pc, access); exact || failed.Relied {
		t.checked = checked{} // thrown back to it, the thread would take what is undefined for defined behind this check
		if !exact {
			t.exact.state.Follow(pc)
		}
		if !exact || !t.moving(n, pc) {
			t.original.at(&loc)
			t.GoExact()
		}
		return
	}
	c.Regs = saved
	c.Regs.RIP = uint64(pc)
	t.resume = resume
	t.s.tr.Resumes(&failed)
}

// checked is the last access that the tool has looked at. A thread that is thrown back to the beginning of the instruction, before
// it has gone on behind the check, comes to it again; the tool must not look again, because it would report again.
type checked struct {
	pc     guest.Addr
	access int
	resume uintptr
	again  bool
}

// pending takes what the signal handler has queued, and delivers what can be delivered. The thread is at a boundary.
func (t *Thread) pending() {
	c := t.ctx
	c.Pending = 0
	t.flushEvents()
	t.unparkIfStopped()
	t.drain()
	t.deliver()
	t.unblock()
}

// unparkIfStopped stands still while another thread has the world stopped.
func (t *Thread) unparkIfStopped() {
	s := t.s
	s.mu.Lock()
	stop := s.stopper != nil && s.stopper != t
	s.mu.Unlock()
	if stop {
		t.park()
		t.unpark()
	}
}

// deliver delivers all signals that t must act on now, and finishes an interrupted system call.
func (t *Thread) deliver() {
	c := t.ctx
	t.unstep()
	for {
		info, act, ok := t.sig.Next()
		if !ok {
			break
		}
		if t.inCall && act.Kind != signal.Stop { // a stopped call goes on waiting for the kernel's decision
			t.inCall = false
			a := &act
			if act.Kind != signal.Handle {
				a = nil
			}
			signal.Restart(int64(c.Regs.GPR[guest.RAX]), a, &c.Regs, t.syscall)
		}
		t.traceDelivery(info, act)
		switch act.Kind {
		case signal.Handle:
			sp := c.Regs.GPR[guest.RSP]
			if err := t.sig.Deliver(&c.Regs, t.ctx.XSave(), info, act); err != nil {
				continue // a SIGSEGV is pending in its place
			}
			t.handling(guest.Addr(sp))
		case signal.Stop:
			t.stopBySignal(info.Signo())
		default:
			t.s.cfg.Fatal(t, info, act.Kind == signal.DumpCore && dumps())
			t.s.exit(t, tool.Exit{Signal: info.Signo()})
		}
	}
	if t.inCall {
		t.inCall = false
		signal.Restart(int64(c.Regs.GPR[guest.RAX]), nil, &c.Regs, t.syscall)
	}
}

// dumps reports whether the kernel would write a core file.
func dumps() bool {
	var lim unix.Rlimit
	return unix.Getrlimit(unix.RLIMIT_CORE, &lim) != nil || lim.Cur > 0
}

// stopBySignal gives the process the default action of a stop signal and goes on when SIGCONT has come.
func (t *Thread) stopBySignal(sig int) {
	vcpu.Default(sig)
	t.park()
	unix.Kill(unix.Getpid(), unix.SIGSTOP)
	t.unpark()
	vcpu.Handle(sig)
}
