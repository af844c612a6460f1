package lackey

import (
	"strconv"

	"gogrind/internal/isa"
	"gogrind/internal/tool"
)

// stringOp is a repeated string instruction of which a thread has told the addresses but not yet the rounds.
type stringOp struct {
	access []uint32 // sites
	addr   []uint64
}

// Events implements tool.EventWatcher: it prints the trace and counts what only records tell.
func (l *Lackey) Events(t tool.Thread, ev []tool.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line = l.line[:0]
	for i := range ev {
		e := &ev[i]
		s := &l.sites[e.Site]
		switch {
		case s.what == wBlock:
			l.line = append(appendHex(append(l.line, "SB "...), uint64(s.pc)), '\n')
		case s.what == wInst:
			l.traceLine("I  ", uint64(s.pc), int(s.size))
		case s.what == wAccess && s.repeat:
			op := l.rounds[t.ID()]
			if op == nil {
				op = new(stringOp)
				l.rounds[t.ID()] = op
			}
			op.access, op.addr = append(op.access, e.Site), append(op.addr, e.Value)
		case s.what == wAccess:
			l.accessed(s, e)
		case s.what == wRounds:
			l.repeated(l.rounds[t.ID()], s, e)
		}
	}
	if len(l.line) > 0 {
		l.log.Raw(string(l.line))
	}
}

// accessed acts on the record of a plain access.
func (l *Lackey) accessed(s *site, e *tool.Event) {
	size := int(s.size)
	if e.Size != 0 {
		size = int(e.Size)
	}
	if s.typ != tNone {
		n := uint64(s.n)
		if s.elem != 0 {
			n *= uint64(size / int(s.elem))
		}
		l.add(s, n)
	}
	if l.opts.traceMem {
		l.traceAccess(s, e.Value, size)
	}
}

// repeated acts on the end of a repeated string instruction. The trace has its addresses in ascending order, as if the
// direction flag were clear.
func (l *Lackey) repeated(op *stringOp, s *site, e *tool.Event) {
	rounds := e.Value
	insts := rounds + 1
	if rounds > 0 && (s.stops == stopUnequal && e.Size == 0 || s.stops == stopEqual && e.Size != 0) {
		insts-- // it did not look whether there are rounds left
	}
	if l.opts.basic {
		l.late(cInsts, insts)
	}
	if op == nil {
		op = new(stringOp)
	}
	for _, n := range op.access {
		if a := &l.sites[n]; a.typ != tNone {
			l.add(a, rounds*uint64(a.n))
		}
	}
	if l.opts.traceMem {
		for r := uint64(0); r < insts; r++ {
			l.traceLine("I  ", uint64(s.pc), int(s.size))
			for k, n := range op.access {
				if a := &l.sites[n]; r < rounds {
					l.traceAccess(a, op.addr[k]+r*uint64(a.size), int(a.size))
				}
			}
		}
	}
	op.access, op.addr = op.access[:0], op.addr[:0]
}

func (l *Lackey) traceAccess(s *site, addr uint64, size int) {
	kind := " L "
	switch s.kind {
	case isa.Store:
		kind = " S "
	case isa.Modify:
		kind = " M "
	}
	l.traceLine(kind, addr, size)
}

// traceLine appends a line of the form " L 1fff000760,8".
func (l *Lackey) traceLine(kind string, addr uint64, size int) {
	l.line = append(appendHex(append(l.line, kind...), addr), ',')
	l.line = append(strconv.AppendInt(l.line, int64(size), 10), '\n')
}

// appendHex appends at least 8 digits.
func appendHex(b []byte, x uint64) []byte {
	for shift := 28; shift > 0 && x>>shift == 0; shift -= 4 {
		b = append(b, '0')
	}
	return strconv.AppendUint(b, x, 16)
}
