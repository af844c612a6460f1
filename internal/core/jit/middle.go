package jit

import (
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// Guest code that a jump leads to is often in a fragment already, behind a branch that falls through there. Between guest instructions
// everything is in the guest's own registers, so that it can be entered in the middle, unless its code from there on relies on what is in
// front: on a check that has been made, or on a comparison whose flags are made once more. Tools that count what runs on the way from a
// fragment's start say so by annotations. A third of all translation was of code that was there.
//
// The middle of a fragment is a fragment without code of its own. It lives as long as the one that it is in. Where indirect branches lead
// there is a fragment of its own, as they need code in front that has compared the address: handlers of interpreters were 6 % slower when a
// jump went on from there.

// isMiddle reports whether f is in the middle of another fragment.
func (f *fragment) isMiddle() bool { return f.body < f.start }

// pageStarts has a bit for each address of a guest page where an instruction begins that a fragment of fast code can be entered at.
type pageStarts [4096 / 64]uint64

// relies notes that the code of instruction i relies on what instruction on, in front of it, has done.
func (tr *trace) relies(i, on int) { tr.insts[i].relies = min(tr.insts[i].relies, on) }

// noteMiddles marks the points of the trace that it can be entered at, which are called whole: nothing has been counted in front of
// them. It is for a trace whose code is finished.
func (t *Translator) noteMiddles() {
	tr := &t.tr
	if t.ver != verFast || t.once || tr.n < 2 {
		return
	}
	for i := range t.block.Anns {
		if t.block.Anns[i].Op >= tool.OpCount {
			return
		}
	}
	if t.cfg.Verify != nil && t.cfg.Verify(guest.Addr(tr.start)) {
		return // it is verified where it starts
	}
	first := tr.n // that an instruction from here on relies on
	page, bits := ^uint64(0), (*pageStarts)(nil)
	for i := tr.n - 1; i > 0; i-- {
		in := &tr.insts[i]
		if first = min(first, in.relies); first < i || in.clock.apart {
			continue
		}
		tr.points[in.point] |= pointWhole
		if p := in.pc >> 12; p != page {
			page, bits = p, t.starts.of(p)
		}
		bits[in.pc>>6&63] |= 1 << (in.pc & 63)
	}
}

// middle makes a fragment of the rest of one that has the instruction at pc and can be entered there. It returns 0 if there is none.
func (t *Translator) middle(pc uint64) uint32 {
	if starts := t.starts.find(pc >> 12); starts == nil || starts[pc>>6&63]>>(pc&63)&1 == 0 {
		return 0
	}
	for n := t.byPage.get(pc >> 12); n != 0; {
		x := t.onPages.at(n - 1)
		n = x.next
		fr := t.frags.at(x.frag)
		if fr.dead || fr.ver != verFast || pc <= fr.pc || pc >= fr.end {
			continue
		}
		host, ok := t.middleOf(fr, uint32(pc-fr.pc))
		if !ok {
			continue
		}
		m := uint32(t.frags.n)
		t.frags.add(fragment{pc: pc, end: fr.end, ver: verFast, body: host, start: uint32(t.hot.pos), hotEnd: uint32(t.hot.pos),
			cold: uint32(t.cold.pos), coldEnd: uint32(t.cold.pos), exits: uint32(t.exits.n), landings: uint32(t.landings.n), middles: fr.middles})
		fr.middles = m
		t.remember(pc, verFast, m)
		t.stats.Middles++
		return m
	}
	return 0
}

// middleOf is the host offset at which fr can be entered for the guest instruction at off from its start.
func (t *Translator) middleOf(fr *fragment, off uint32) (host uint32, ok bool) {
	last := point{host: fr.start}
	for b := t.pointBytes.get(fr.points, fr.nPoint); len(b) > 0 && last.guest <= off; {
		last, b = nextPoint(b, last)
		if last.guest == off && last.exact && last.whole {
			return last.host, true
		}
	}
	return 0, false
}
