package jit

import (
	"sync/atomic"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// A clock of executed instructions needs no addition where control goes on: which instructions have run since the last one follows from
// the place. So each guest address has a phase, a constant: how many instructions the clock lacks when control is there. An edge from a
// place with phase a to one with phase b adds a + 1 - b for its instruction, which is nothing if b was chosen for this edge: that
// of the first edge to be translated, most likely the hottest. Each loop has an edge that adds, as it must. (Ball, Efficiently counting
// program events with support for on-line queries, 1994.)
//
// Where control comes from anywhere, by returns, from Go, or to a hook, the clock lacks nothing; what indirect branches lead to begins by
// setting it back when its phase is not 0.
//
// Phases belong to addresses and not to fragments, so that links need no look at them, and a fragment can be entered in the middle
// wherever its own count agrees.

// phasePage has the phases of a guest page: 0 for none yet, else phaseBias more than it is.
type phasePage [guest.PageSize]uint8

const (
	phaseBias = 128
	phaseMax  = 100 // the largest that is given
)

// ticking is the clock in a trace.
type ticking struct {
	phase int  // in front of the instruction and its tick
	tick  int  // what is added in front of it
	taken int  // what is added when it jumps
	apart bool // its address has another phase
}

// clocked reports whether instructions are counted by phases.
func (t *Translator) clocked() bool { return len(t.cfg.Clock.Values) > 0 }

// phaseOf is the phase of pc, which becomes offer if it has none yet.
func (t *Translator) phaseOf(pc uint64, offer int) int {
	p := &t.phases.of(pc / guest.PageSize)[pc%guest.PageSize]
	if *p == 0 {
		if offer < -phaseMax || offer > phaseMax || t.hooked(pc) {
			offer = 0
		}
		*p = uint8(offer + phaseBias)
	}
	return int(*p) - phaseBias
}

// planClock finds out where the trace adds to the clock.
func (t *Translator) planClock() {
	tr := &t.tr
	tr.lastTick = 0
	at, behind := 0, 0 // behind the last place that others come to or go from
	own := !t.once && t.ver != verStep
	if own {
		at = t.phaseOf(tr.start, 0)
	}
	for i := range tr.insts[:tr.n] {
		in := &tr.insts[i]
		in.clock = ticking{phase: at}
		at++
		to, from := 0, behind
		switch in.flow {
		case flowNext, flowBase, flowTrap:
			continue
		case flowJcc, flowLoop:
			in.clock.taken = at
			behind = i + 1
			continue
		case flowJmp:
			if k := t.inside(in.target); k >= 0 {
				to, from = tr.insts[k].clock.phase, max(behind, k)
			} else {
				to = t.phaseOf(in.target, at)
			}
		case flowCall:
			to = t.phaseOf(in.target, at)
		}
		t.tick(from, i, at-to)
		at, behind = 0, i+1
	}
	switch {
	case tr.ends:
	case t.ver == verStep:
		t.tick(0, 0, at)
	case behind == tr.n:
		tr.lastTick = at - t.phaseOf(tr.next, at)
	default:
		t.tick(behind, tr.n-1, at-t.phaseOf(tr.next, at))
	}
	number, page := ^uint64(0), (*phasePage)(nil)
	for i := range tr.insts[:tr.n] {
		in := &tr.insts[i]
		if own && t.ver == verFast && i > 0 {
			if p := in.pc / guest.PageSize; p != number {
				number, page = p, t.phases.of(p)
			}
			p := &page[in.pc%guest.PageSize]
			if *p == 0 && in.clock.phase >= -phaseMax && in.clock.phase <= phaseMax {
				*p = uint8(in.clock.phase + phaseBias)
			}
			in.clock.apart = int(*p)-phaseBias != in.clock.phase
		}
		if in.flow != flowJcc && in.flow != flowLoop {
			continue
		}
		if k := t.inside(in.target); k >= 0 {
			in.clock.taken -= tr.insts[k].clock.phase
		} else {
			in.clock.taken -= t.phaseOf(in.target, in.clock.taken)
		}
	}
}

// tick has the trace add n in front of one of the instructions from to i, that where flags are dead if there is one.
func (t *Translator) tick(from, i, n int) {
	if n == 0 {
		return
	}
	insts := t.tr.insts[:]
	at := i
	for at >= from && !insts[at].overwritesFlags() {
		at--
	}
	if at < from {
		at = i
		insts[at].live = t.flagsBehind(at - 1).live
	} else {
		insts[at].live = 0
	}
	insts[at].clock.tick += n
	for k := at + 1; k <= i; k++ {
		insts[k].clock.phase -= n
	}
}

// overwritesFlags reports whether the instruction overwrites all flags and reads none.
func (in *inst) overwritesFlags() bool {
	e := in.flagEffects()
	return e.Killed&arithFlags == arithFlags && e.Read&arithFlags == 0
}

// lowerTick adds n to the clock, without flags when they are live.
func (t *Translator) lowerTick(live uint32, n int) {
	if n != 0 {
		ann := t.tickBy(n)
		t.lowerCount(live, &ann)
	}
}

// tickBy is the addition of n to the clock. Its words take turns, as additions to one and the same would wait for each other.
func (t *Translator) tickBy(n int) tool.Ann {
	words := &t.cfg.Clock
	if t.isDirty() && len(t.cfg.DirtyClock.Values) > 0 {
		words = &t.cfg.DirtyClock
	}
	t.clockTurn++
	return tool.Ann{Op: tool.OpCount, Arg: int64(n), Ptr: words.Addr(t.clockTurn % len(words.Values)), Lossy: true}
}

// emitTick emits what instruction i adds to the clock, or notes it for its jump.
func (t *Translator) emitTick(i int) {
	in := &t.tr.insts[i]
	t.lowerTick(in.live, in.clock.tick)
	if in.clock.taken != 0 {
		t.tr.taken = append(t.tr.taken, t.tickBy(in.clock.taken))
	}
}

// entered is the host address of fragment f for somebody who comes from Go, where the clock lacks nothing. mu is held.
func (t *Translator) entered(f uint32) uintptr {
	if fr := t.frags.at(f); t.clocked() && fr.ver != verStep {
		if n := t.phaseOf(fr.pc, 0); n != 0 {
			atomic.AddUint64(&t.cfg.Clock.Values[0], uint64(-n))
		}
	}
	return t.bodyOf(f)
}

// setBack emits what an indirect branch to pc does to the clock. Flags may be live there.
func (t *Translator) setBack(pc uint64) {
	if t.clocked() {
		t.lowerTick(arithFlags, -t.phaseOf(pc, 0))
	}
}
