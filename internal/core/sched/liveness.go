package sched

import (
	"gogrind/internal/core/jit"
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// Most undefined registers are garbage that nobody will look at; fast code must not wait until they happen to be overwritten. At
// calls, returns and indirect jumps, which dirty code cannot make, a look ahead says which registers the code that follows may
// still read, in the function at hand and in those that called it. It relies on the calling convention (System V ABI for AMD64,
// 3.2): a call reads its arguments, a return the results, and what a call may change is not read behind it. Code that keeps to
// other rules between its own functions may lose the undefined state of a register that lives across a call; nothing is ever
// reported wrongly for that.

const (
	calleeSaved = isa.RegSet(1<<guest.RBX | 1<<guest.RSP | 1<<guest.RBP | 1<<guest.R12 | 1<<guest.R13 | 1<<guest.R14 | 1<<guest.R15)
	argGPR      = isa.RegSet(1<<guest.RDI | 1<<guest.RSI | 1<<guest.RDX | 1<<guest.RCX | 1<<guest.R8 | 1<<guest.R9 | 1<<guest.RAX | 1<<guest.R10)
	// resultGPR has a third register, which some compilers use for functions of their own.
	resultGPR   = isa.RegSet(1<<guest.RAX | 1<<guest.RDX | 1<<guest.RCX)
	statusFlags = uint32(0x8d5) // CF PF AF ZF SF OF
)

// argRegs and returnRegs are what calls and returns hand over: vector arguments are in the first eight registers, results in the
// first two. lookedAfter are the registers that the look ahead is for.
var (
	argRegs     = argGPR | 0xff*amd64.Vec(0)
	returnRegs  = resultGPR | 0x3*amd64.Vec(0) | calleeSaved
	lookedAfter = amd64.SetGPR | amd64.SetVec | amd64.SetMask
)

// lookAhead is how many instructions are looked at in one function, and lookOut in how many of the functions that called it.
const (
	lookAhead = 256
	lookOut   = 12
)

// outlook is what becomes of registers: those that are read before they are overwritten, and those that the function returns with.
type outlook struct{ live, returned tool.Dirty }

// liveness is a thread's memory of outlooks, by address, for one epoch of the translator.
type liveness struct {
	epoch uint64
	known map[guest.Addr]outlook
	seen  map[guest.Addr]tool.Dirty // of one look ahead: with which registers undecided an instruction was visited
	work  []path
}

// path is code to be looked at, with the registers that nothing has happened to yet.
type path struct {
	pc   guest.Addr
	open tool.Dirty
}

// outlook is what becomes of registers in the function at hand, from pc on.
func (t *Thread) outlook(pc guest.Addr) outlook {
	l := &t.exact.liveness
	if epoch := t.s.tr.Epoch(); l.known == nil || l.epoch != epoch {
		l.known, l.epoch = make(map[guest.Addr]outlook), epoch
	}
	o, ok := l.known[pc]
	if !ok {
		o = t.explore(pc)
		l.known[pc] = o
	}
	return o
}

// explore finds it out.
func (t *Thread) explore(start guest.Addr) (o outlook) {
	l := &t.exact.liveness
	l.seen = make(map[guest.Addr]tool.Dirty)
	l.work = append(l.work[:0], path{start, tool.Dirty{Regs: lookedAfter, Flags: statusFlags}})
	budget := lookAhead
	for len(l.work) > 0 {
		p := l.work[len(l.work)-1]
		l.work = l.work[:len(l.work)-1]
		if !t.follow(p, &o, &budget) {
			// Nobody keeps values in vector registers for so long without looking at them.
			o.live.Regs |= p.open.Regs & amd64.SetGPR
			for _, q := range l.work {
				o.live.Regs |= q.open.Regs & amd64.SetGPR
			}
			break
		}
	}
	return o
}

// follow looks at code until nothing is open any more, or it is known what becomes of it. It returns false when the budget is used
// up.
func (t *Thread) follow(p path, o *outlook, budget *int) bool {
	l := &t.exact.liveness
	live := &o.live
	pc, open := p.pc, p.open
	for {
		open.Regs &^= live.Regs
		open.Flags &^= live.Flags
		if old, ok := l.seen[pc]; ok && open.Regs&^old.Regs == 0 && open.Flags&^old.Flags == 0 || open.Empty() {
			return true
		}
		l.seen[pc] = open
		if _, hook := t.s.tr.HookAt(pc); hook {
			live.Regs |= open.Regs & argRegs
			o.returned.Regs |= open.Regs & calleeSaved
			return true
		}
		if *budget--; *budget < 0 {
			return false
		}
		d := t.decode(pc)
		if d == nil || d.bad || d.request {
			live.Regs |= open.Regs
			live.Flags |= open.Flags
			return true
		}
		e := d.effects
		flow, target, next := d.flow, d.target, pc+guest.Addr(d.inst.Len)
		live.Regs |= e.Reads & open.Regs
		live.Flags |= e.FlagsRead & open.Flags
		open.Regs &^= e.Writes
		open.Flags &^= e.FlagsKilled
		switch flow {
		case jit.FlowNext:
		case jit.FlowJmp:
			next = target
		case jit.FlowJcc, jit.FlowLoop:
			l.work = append(l.work, path{target, open})
		case jit.FlowCall, jit.FlowCallInd:
			live.Regs |= open.Regs & argRegs
			open.Regs &= calleeSaved
			open.Flags = 0
		case jit.FlowRet:
			o.returned.Regs |= open.Regs & returnRegs
			return true
		default: // indirect jumps, system calls, traps
			live.Regs |= open.Regs
			live.Flags |= open.Flags
			return true
		}
		pc = next
	}
}

// dropDead makes registers defined that code at RIP and its callers will not read.
func (t *Thread) dropDead() {
	x := &t.exact
	if x.ver == 0 {
		return
	}
	open := tool.Dirty{Regs: x.cached.Regs & lookedAfter, Flags: x.cached.Flags}
	keep := tool.Dirty{Regs: x.cached.Regs &^ lookedAfter}
	var pcs [lookOut]guest.Addr
	n := 0
	pcs[0] = guest.Addr(t.ctx.Regs.RIP)
	for i := 0; i < len(pcs); i++ {
		o := t.outlook(pcs[i])
		keep.Regs |= open.Regs & o.live.Regs
		keep.Flags |= open.Flags & o.live.Flags
		open.Regs &= o.returned.Regs &^ keep.Regs
		open.Flags &= o.returned.Flags &^ keep.Flags
		if open.Empty() {
			break
		}
		if n == 0 {
			n = t.s.cfg.Callers(t, pcs[:])
		}
		if i+1 >= n {
			keep.Regs |= open.Regs & calleeSaved // nobody knows who has called
			break
		}
	}
	if keep != x.cached {
		x.state.Keep(keep)
		t.setDirty(keep)
	}
}
