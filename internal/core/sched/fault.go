package sched

import (
	"gogrind/internal/core/aspace"
	"gogrind/internal/core/signal"
	"gogrind/internal/guest"
)

// si_code values of faults (asm-generic/siginfo.h).
const (
	segvMapErr = 1
	segvAccErr = 2
	trapTrace  = 2
)

// Bits of the page-fault error code.
const pfWrite = 2

// hostFault acts on a synchronous signal that interrupted translated code.
func (t *Thread) hostFault() {
	c := t.ctx
	info := (*signal.Info)(&c.Info)
	sig, addr := int(c.Signo), info.Addr()
	hostPC := uintptr(c.HostPC)
	const pageFault = 14
	if sig == signal.SIGSEGV && c.TrapNo == pageFault || sig == signal.SIGSEGV && hostPC < guest.PageSize {
		if hostPC < guest.PageSize {
			t.unpairedReturn()
			return
		}
		if t.eventFault(addr, hostPC) {
			return
		}
		if addr >= uint64(guest.ShadowBase) && addr < uint64(guest.TagDistance) && t.s.cfg.Shadow {
			// Shadow of memory that has none: it becomes no-access, and the check, made again, leaves to the tool.
			if noAccessShadow(addr) {
				t.resume = hostPC
				return
			}
		} else if addr >= uint64(guest.Contexts) && usesPlane(hostPC) {
			if a, ok := t.planeFault(addr); ok {
				t.resume = hostPC
				return
			} else if a != 0 {
				addr = uint64(a) // the stack pointer is bad: the guest's access is the one to blame
				*info = signal.FaultInfo(sig, segvMapErr, addr)
				c.CR2 = addr
			}
		}
	}
	if sig == signal.SIGTRAP && info.Code() == trapTrace && !behindInt1(hostPC) {
		t.resume = hostPC // a leftover of stepping
		return
	}
	if sig == signal.SIGSEGV || sig == signal.SIGBUS {
		if to, ok := t.s.tr.Recover(hostPC); ok {
			t.resume = to // an annotation's access, to shadow of an address that no guest memory can have
			return
		}
	}
	loc := t.s.tr.Locate(hostPC)
	if !loc.Known && sig == signal.SIGSEGV && c.TrapNo == pageFault {
		// The second half of a call stores where the call has just stored; another thread has come in between.
		switch t.s.cfg.Space.Classify(guest.Addr(addr), c.Err&pfWrite != 0) {
		case aspace.CodePage:
			page := guest.Range{Start: guest.Addr(addr).PageDown(), End: guest.Addr(addr).PageDown() + guest.PageSize}
			t.s.DropCode(t, page)
			t.s.cfg.Space.Unprotect(page)
			t.resume = hostPC
			return
		case aspace.OK:
			t.resume = hostPC
			return
		}
	}
	if !loc.Known {
		t.bug("signal %d at host %#x, address %#x: not in a guest instruction", sig, hostPC, addr)
	}
	loc.Unspill(c)
	c.Regs.RIP = uint64(loc.PC)
	t.original.at(&loc)
	if t.exact.stepping && uint64(loc.PC) == t.exact.after {
		t.stepped() // a trap, which comes behind its instruction
	}
	if (sig == signal.SIGILL || sig == signal.SIGFPE) && addr == uint64(hostPC) {
		*info = signal.FaultInfo(sig, info.Code(), uint64(loc.PC)) // these say where the instruction is
	}
	if sig == signal.SIGSEGV && c.TrapNo == pageFault {
		switch t.s.cfg.Space.Classify(guest.Addr(addr), c.Err&pfWrite != 0) {
		case aspace.CodePage:
			t.codeWritten(guest.Addr(addr))
			return
		case aspace.OK:
			if info.Code() == segvAccErr {
				return // overtaken by another thread's mprotect: try again
			}
		case aspace.Unmapped:
			// Holes are reserved pages to the kernel, which says ACCERR.
			*info = signal.FaultInfo(sig, segvMapErr, addr)
		}
	}
	t.fault(*info, signal.Fault{Err: c.Err, Trap: c.TrapNo, CR2: c.CR2})
}

// usesPlane reports whether the instruction at host address h is one of the two that access the return plane: the store of a call,
// the push of a return.
func usesPlane(h uintptr) bool {
	b := guest.Bytes(guest.Addr(h), 5)
	if b[0] != 0x64 {
		return false
	}
	return b[1] == 0xff && b[2] == 0xb4 && b[3] == 0x24 || b[1] == 0x48 && b[2] == 0xc7 && b[3] == 0x84 && b[4] == 0x24
}

// behindInt1 reports whether the instruction before host address h is int1, whose trap looks as that of a step.
func behindInt1(h uintptr) bool { return guest.Bytes(guest.Addr(h-1), 1)[0] == 0xf1 }

// fault sends a synchronous signal to t, whose registers are exact.
func (t *Thread) fault(info signal.Info, f signal.Fault) {
	t.flushEvents()
	t.s.traceSignal("%s: si_code=%d faultaddr=%#x tid=%d ESP=%#x RIP=%#x", signal.Name(info.Signo()), info.Code(), info.Addr(), t.id,
		t.ctx.Regs.GPR[guest.RSP], t.ctx.Regs.RIP)
	if w := t.s.cfg.Faults; w != nil {
		w.Fault(t, info.Signo(), int(info.Code()), guest.Addr(info.Addr()))
	}
	t.sig.Force(info, f)
	t.deliver()
}

// unpairedReturn handles a return whose return plane entry was never set: it jumped to 0 after popping both addresses. The
// entry is set to the look-up routine, so that the next return from this stack slot finds its way without a fault.
func (t *Thread) unpairedReturn() {
	c := t.ctx
	if t.exact.state != nil {
		t.leftDirty()
	}
	sp := guest.Addr(c.Regs.GPR[guest.RSP])
	var ra [8]byte
	if t.s.cfg.Space.ReadMem(ra[:], sp-8) < 8 {
		t.bug("return without a stack")
	}
	t.setPlane(sp-8, t.s.tr.MissReturn())
	pc := guest.Addr(le64(ra[:]))
	if c.Dirty != 0 { // dirty code has cleared the slot
		pc = guest.Addr(c.RetTarget)
	}
	t.indirect(pc)
}

// codeWritten handles a guest's write to a page that translations were made from: they go, the page is writable again.
func (t *Thread) codeWritten(a guest.Addr) {
	page := guest.Range{Start: a.PageDown(), End: a.PageDown() + guest.PageSize}
	t.s.DropCode(t, page)
	t.s.cfg.Space.Unprotect(page)
	if pc := guest.Addr(t.ctx.Regs.RIP); pc.PageDown() >= page.Start-guest.PageSize && pc < page.End || t.s.tr.Counting() {
		// The store is on the page it writes to: translating it the usual way would protect the page again.
		once := t.s.tr.Once
		if t.exact.stepping {
			once = t.s.tr.StepOnce
		}
		if host, err := once(pc); err == nil {
			t.resume = host
		}
	}
}

// DropCode makes all threads forget translations of r.
func (s *Scheduler) DropCode(t *Thread, r guest.Range) {
	s.mu.Lock()
	alone := len(s.threads) <= 1
	s.mu.Unlock()
	if alone || t == nil {
		s.tr.Discard(r)
		return
	}
	s.stopOthers(t, func() { s.tr.Discard(r) })
}
