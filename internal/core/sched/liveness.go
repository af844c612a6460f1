package sched

import (
	"gogrind/internal/core/jit"
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// lookOut is in how many of the functions that called the one at hand a look ahead is made.
const lookOut = 12

// dropDead makes registers defined that code at RIP and its callers will not read.
func (t *Thread) dropDead() {
	x := &t.exact
	if x.ver == 0 {
		return
	}
	open := x.cached
	var keep tool.Dirty
	var pcs [lookOut]guest.Addr
	n := 0
	pcs[0] = guest.Addr(t.ctx.Regs.RIP)
	for i := 0; i < len(pcs); i++ {
		o := t.s.tr.Outlook(pcs[i], open)
		if n == 0 && open.Regs&o.Returned.Regs != 0 {
			n = t.s.cfg.Callers(t, pcs[:])
		}
		if i+1 < n {
			o.Returned.Regs &= t.s.tr.ReadBehind(pcs[i+1])
		}
		live := o.Keep(open)
		keep.Regs |= live.Regs&^o.Returned.Regs | open.Regs&o.Live.Regs
		keep.Flags |= open.Flags & o.Live.Flags
		open.Regs = live.Regs &^ keep.Regs
		open.Flags &= o.Returned.Flags &^ keep.Flags
		if open.Empty() {
			break
		}
		if n == 0 {
			n = t.s.cfg.Callers(t, pcs[:])
		}
		if i+1 >= n {
			keep.Regs |= open.Regs & jit.CalleeSaved // nobody knows who has called
			break
		}
	}
	if keep != x.cached {
		x.state.Keep(keep)
		t.setDirty(keep)
	}
}
