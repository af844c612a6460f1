package core

import (
	"fmt"
	"strings"

	"gogrind/internal/core/signal"
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// faults tells the user about illegal instructions (--sigill-diagnostics) and about a main thread that has run out of stack,
// and the tool, if it wants to know, about all faults.
type faults struct {
	p    *Process
	tool tool.FaultWatcher // nil when the tool does not watch
}

func (f faults) Fault(t tool.Thread, sig, code int, addr guest.Addr) {
	if sig == signal.SIGSEGV && !f.p.opt.XML && f.p.StackOverflow(t, addr) {
		f.p.log.Userf("%s", overflowText(addr))
	}
	if sig == signal.SIGILL && code > 0 && f.p.opt.SigillDiagnostics {
		f.p.illegal(t)
	}
	if f.tool != nil {
		f.tool.Fault(t, sig, code, addr)
	}
}

// overflowText is what Valgrind says each time its stack would have to grow to addr and can't.
func overflowText(addr guest.Addr) string {
	return fmt.Sprintf("Stack overflow in thread #1: can't grow stack to %#x", uint64(addr.PageDown()))
}

// StackOverflow reports whether addr, which can't be accessed, is where the main thread's stack would have to grow to.
func (p *Process) StackOverflow(t tool.Thread, addr guest.Addr) bool {
	const (
		redZone = 128     // of the amd64 ABI
		reach   = 1 << 20 // the kernel leaves that much free below a stack (stack_guard_gap)
	)
	sp, low := guest.Addr(t.Regs().GPR[guest.RSP]), p.image.Stack.Start
	return t.ID() == 1 && addr < low && low-addr <= reach && addr+redZone >= sp
}

// shownBytes is the number of bytes of an illegal instruction that are shown.
const shownBytes = 10

// illegal describes the instruction at t's pc, which the processor refused. The first line is Valgrind's; the reasons are
// fewer here, because every instruction runs on the processor.
func (p *Process) illegal(t tool.Thread) {
	pc := guest.Addr(t.Regs().RIP)
	var code [shownBytes]byte
	n := p.space.ReadMem(code[:], pc)
	var b strings.Builder
	for _, c := range code[:n] {
		fmt.Fprintf(&b, " 0x%X", c)
	}
	p.report.Message(0, fmt.Sprintf("valgrind: Unrecognised instruction at address %#x.", uint64(pc)), p.callers(t))
	p.log.Userf("Your program just tried to execute an instruction that this processor\n"+
		"does not know or does not allow. The bytes there are%s.\n"+
		"Either the program jumped to a place that is no code, or it was built\n"+
		"for another processor, or it stops itself in this way (ud2 of abort\n"+
		"and __builtin_trap). It gets the SIGILL signal that it would get without\n"+
		"the tool, which will probably end it.", b.String())
}
