package lackey

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// The counters that translated code adds to.
const (
	cInsts = iota
	cOps
	cCalls
	cJumps    // conditional jumps
	cNotTaken // of them
	cEntered
	cCompleted
	cDetail     // operation * numTypes + type
	numCounters = cDetail + int(numOperations)*int(numTypes)
)

// what says what a site stands for.
type what uint8

const (
	wBlock what = iota
	wInst
	wAccess
	wRounds
)

// site is a place that makes event records. It is comparable, so that code that is translated again has the same sites.
type site struct {
	what   what
	pc     guest.Addr
	size   uint16 // of the instruction or the access
	kind   tool.AccessKind
	elem   uint8     // element size of a masked access
	typ    valueType // of an access that is counted when its record comes
	n      int64     // values of it
	repeat bool      // the access is one of a repeated string instruction
	stops  uint8     // wRounds: stopNever ...
}

// When a repeated string instruction stops before its count is used up.
const (
	stopNever   = iota
	stopUnequal // repe
	stopEqual   // repne
)

// Instrument implements tool.Tool.
func (l *Lackey) Instrument(b *tool.Block) {
	if l.opts.traceBlocks && len(b.Insts) > 0 {
		l.event(b, 0, tool.OpEvent, 0, site{what: wBlock, pc: b.Start})
	}
	for i := range b.Insts {
		in := &b.Insts[i]
		l.count(b, i)
		if l.opts.traceMem && !in.Repeats() {
			l.event(b, i, tool.OpEvent, 0, site{what: wInst, pc: in.PC, size: uint16(in.Len)})
		}
		for k := range in.Mem {
			if in.Row.Sem == isa.StrCmps {
				k = len(in.Mem) - 1 - k // Valgrind reads the second operand of cmps first
			}
			l.access(b, i, k)
		}
		if in.Repeats() && (l.opts.basic || l.opts.detailed || l.opts.traceMem) {
			l.event(b, i, tool.OpEventRounds, 0, site{what: wRounds, pc: in.PC, size: uint16(in.Len), stops: stops(in)})
		}
	}
}

// count asks for the counters of instruction i.
func (l *Lackey) count(b *tool.Block, i int) {
	in := &b.Insts[i]
	p := &l.pending
	if l.opts.basic {
		if i == 0 {
			p[cEntered] = 1
		}
		if i == len(b.Insts)-1 {
			p[cCompleted] = 1
		}
		if l.isEntry(in.PC) {
			p[cCalls] = 1
		}
		if !in.Repeats() {
			p[cInsts] = 1
		}
		e := in.Effects()
		p[cOps] = 1 + int64(e.Writes.Len()) + int64(len(in.Mem))
		if e.FlagsWritten != 0 {
			p[cOps]++
		}
		if conditional(in) {
			p[cJumps] = 1
			b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpCount, Arg: 1, Ptr: l.counters.Addr(cNotTaken), Behind: true})
		}
	}
	if l.opts.detailed && in.Row != nil {
		if t := aluType(in); t != tNone {
			p[detail(opAlu, t)]++
		}
		for k := range in.Mem {
			a := &in.Mem[k]
			if !in.Repeats() && a.Elem == 0 {
				t, n := accessType(in, int(a.Size))
				l.values(a.Kind, t, n)
			}
		}
	}
	for c, n := range p {
		if n != 0 {
			b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpCount, Arg: n, Ptr: l.counters.Addr(c)})
			p[c] = 0
		}
	}
}

func detail(op operation, t valueType) int { return cDetail + int(op)*int(numTypes) + int(t) }

// values counts n values of type t accessed.
func (l *Lackey) values(kind tool.AccessKind, t valueType, n int64) {
	if t == tNone {
		return
	}
	if kind&isa.Load != 0 {
		l.pending[detail(opLoad, t)] += n
	}
	if kind&isa.Store != 0 {
		l.pending[detail(opStore, t)] += n
	}
}

// access asks for the record of an access that is traced, or that must be seen to be counted.
func (l *Lackey) access(b *tool.Block, i, k int) {
	in := &b.Insts[i]
	a := &in.Mem[k]
	late := in.Repeats() || a.Elem != 0
	if !l.opts.traceMem && !(l.opts.detailed && late) {
		return
	}
	s := site{what: wAccess, pc: in.PC, size: a.Size, kind: a.Kind, elem: a.Elem, typ: tNone, repeat: in.Repeats()}
	if late && l.opts.detailed {
		size := int(a.Size)
		if a.Elem != 0 {
			size = int(a.Elem)
		}
		s.typ, s.n = accessType(in, size)
	}
	l.event(b, i, tool.OpEventAddr, k, s)
}

func (l *Lackey) event(b *tool.Block, i int, op tool.Op, k int, s site) {
	b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: op, Mem: k, Arg: int64(l.siteOf(s))})
}

func (l *Lackey) siteOf(s site) uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, ok := l.known[s]
	if !ok {
		n = uint32(len(l.sites))
		l.sites = append(l.sites, s)
		l.known[s] = n
	}
	return n
}

// conditional reports whether in is a conditional jump that the processor decides: xbegin never falls through here.
func conditional(in *tool.Inst) bool {
	return in.Row != nil && in.Row.Cf == amd64.CfJcc && in.Op != 0xc7
}

func stops(in *tool.Inst) uint8 {
	if in.Class() != isa.StrCmps {
		return stopNever
	}
	if in.Pfx&amd64.PfxF2 != 0 {
		return stopEqual
	}
	return stopUnequal
}
