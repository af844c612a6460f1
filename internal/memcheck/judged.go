package memcheck

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
)

// judged are accesses of one instruction that have been reported, or let pass: by Leave, in front of a check in fast code, or by the
// step that follows it. They are not reported twice, but again when the instruction runs another time.
type judged struct {
	pc   guest.Addr
	left bool // Leave has been called, and a step follows
	n    int
	list [4]judgedAccess // no instruction makes more that are not elements of one access
}

type judgedAccess struct {
	kind isa.AccessKind
	r    guest.Range
}

// leave notes an access that Leave judges: bad says that it has been dealt with, exact that the instruction is going to be stepped.
func (j *judged) leave(pc guest.Addr, kind isa.AccessKind, r guest.Range, bad, exact bool) {
	if j.pc != pc {
		j.pc, j.n = pc, 0
	}
	if bad && !j.add(pc, kind, r) { // the instruction runs another time
		j.n = 0
		j.add(pc, kind, r)
	}
	j.left = exact
}

// follow notes that a step follows although Leave did not ask for one.
func (j *judged) follow(pc guest.Addr) { j.left = j.pc == pc }

// step is called when the instruction at pc is stepped.
func (j *judged) step(pc guest.Addr) {
	if !j.left || j.pc != pc {
		j.n = 0
	}
	j.pc, j.left = pc, false
}

// add notes an access; it reports false if that has been judged.
func (j *judged) add(pc guest.Addr, kind isa.AccessKind, r guest.Range) bool {
	if j.pc != pc {
		j.pc, j.n = pc, 0
	}
	for i := range j.list[:j.n] {
		if a := &j.list[i]; a.kind&kind == kind && a.r.Covers(r) {
			return false
		}
	}
	if j.n < len(j.list) {
		j.list[j.n] = judgedAccess{kind, r}
		j.n++
	}
	return true
}
