package core

import (
	"gogrind/internal/core/sched"
	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/tool"
	"gogrind/internal/unwind"
)

// ParkedRegs are the registers of a thread other than the caller's, if it does not run guest code at the moment.
func (p *Process) ParkedRegs(t tool.Thread) (*guest.Regs, bool) {
	regs, ok := t.(*sched.Thread).ParkedRegs()
	return &regs, ok
}

// walk visits the frames of t. regs is nil for the caller's own thread; another one may go on meanwhile, which costs the truth of
// what is found and no more.
func (p *Process) walk(t tool.Thread, regs *guest.Regs, visit func(*unwind.Frame) bool) {
	if regs == nil {
		p.unwinder(t.(*sched.Thread)).Walk(t.Regs(), visit)
		return
	}
	unwind.New(p.unwind).Walk(regs, visit)
}

// FrameOf returns the number of the frame of t, from 0 for the innermost, that stack address a lies in, its part of the stack, and where
// the code of that frame is. regs is nil for the caller's own thread, else what ParkedRegs gave.
func (p *Process) FrameOf(t tool.Thread, regs *guest.Regs, a guest.Addr) (n int, r guest.Range, call guest.Addr, ok bool) {
	i := 0
	p.walk(t, regs, func(f *unwind.Frame) bool {
		if ok = f.Holds(a); ok {
			n, r, call = i, f.Range(), f.Call
		}
		i++
		return !ok
	})
	return n, r, call, ok
}

// LocalAt finds the local variable that stack address a of t lies in, and the number of its frame. regs is as for FrameOf.
func (p *Process) LocalAt(t tool.Thread, regs *guest.Regs, a guest.Addr) (v debuginfo.Variable, n int, ok bool) {
	holder, _, _, found := p.FrameOf(t, regs, a)
	if !found {
		return v, 0, false
	}
	// Parameters on the stack lie in the caller's part of it.
	i := 0
	p.walk(t, regs, func(f *unwind.Frame) bool {
		if i >= holder-1 {
			if v, ok = p.symbols.Local(f.Call, a, f); ok {
				n = i
			}
		}
		i++
		return !ok && i <= holder+1
	})
	return v, n, ok
}
