package core

import (
	"gogrind/internal/core/sched"
	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/tool"
	"gogrind/internal/unwind"
)

// FrameOf returns the number of the frame of t, from 0 for the innermost, that stack address a lies in, and where the code
// of that frame is. t must be stopped in the core.
func (p *Process) FrameOf(t tool.Thread, a guest.Addr) (n int, call guest.Addr, ok bool) {
	i := 0
	p.unwinder(t.(*sched.Thread)).Walk(t.Regs(), func(f *unwind.Frame) bool {
		if ok = f.Holds(a); ok {
			n, call = i, f.Call
		}
		i++
		return !ok
	})
	return n, call, ok
}

// LocalAt finds the local variable that stack address a of t lies in, and the number of its frame. t must be stopped in the
// core.
func (p *Process) LocalAt(t tool.Thread, a guest.Addr) (v debuginfo.Variable, n int, ok bool) {
	holder, _, found := p.FrameOf(t, a)
	if !found {
		return v, 0, false
	}
	// Parameters on the stack lie in the caller's part of it.
	i := 0
	p.unwinder(t.(*sched.Thread)).Walk(t.Regs(), func(f *unwind.Frame) bool {
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
