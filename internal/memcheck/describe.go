package memcheck

import (
	"fmt"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/report"
	"gogrind/internal/tool"
)

// stackReader is a host that knows frames.
type stackReader interface {
	// ParkedRegs are the registers of another thread, if it does not run at the moment.
	ParkedRegs(t tool.Thread) (*guest.Regs, bool)
	// FrameOf is the number of t's frame that a lies in, where it is, and the address of its code. regs is nil for the thread that calls.
	FrameOf(t tool.Thread, regs *guest.Regs, a guest.Addr) (n int, r guest.Range, call guest.Addr, ok bool)
	// LocalAt is the local variable that a lies in, with the number of its frame.
	LocalAt(t tool.Thread, regs *guest.Regs, a guest.Addr) (v debuginfo.Variable, frame int, ok bool)
}

// gapFinder is a heap that knows its unused parts.
type gapFinder interface {
	Gap(a guest.Addr) (guest.Range, bool)
}

// describe says what is known about address a that thread t came upon. The order in which it looks is Valgrind's: blocks,
// data, stacks, parts of objects, the heap's free memory, mappings.
func (m *Memcheck) describe(t tool.Thread, a guest.Addr) []report.Aux {
	if text, st, ok := m.describeNamed(a); ok {
		return []report.Aux{{Text: text, Stack: st}}
	}
	if b, state, ok := m.customNear(a); ok {
		return m.blockAs(a, b, state)
	}
	if h := m.host.Heap(); h != nil {
		if b, ok := h.Near(a); ok {
			return m.block(a, b)
		}
	}
	symbols, _ := m.host.Symbols().(*debuginfo.Space)
	if m.core.ReadVarInfo {
		if x := m.variable(symbols, t, a); x != nil {
			return x
		}
	}
	var obj *debuginfo.Object
	if symbols != nil {
		obj = symbols.Object(a)
	}
	if obj != nil {
		if s, off, ok := obj.DataSymbol(a); ok {
			return aux("Address %#x is %d bytes inside data symbol \"%s\"", uint64(a), off, s.Name)
		}
	}
	if x := m.onStack(t, a); x != nil {
		return x
	}
	if obj != nil {
		if s := sectionNames[obj.SectionAt(a)]; s != "" {
			x := aux("Address %#x is in the %s segment of %s", uint64(a), s, obj.Path)
			if s == "Text" {
				x[0].PCs = []guest.Addr{a}
			}
			return x
		}
	}
	if g, ok := m.host.Heap().(gapFinder); ok {
		if r, ok := g.Gap(a); ok {
			return aux("Address %#x is %s bytes inside an unallocated block of size %s in arena \"client\"",
				uint64(a), report.Commas(uint64(a-r.Start)), report.Commas(r.Len()))
		}
	}
	return m.mapping(a)
}

func aux(format string, args ...any) []report.Aux {
	return []report.Aux{{Text: fmt.Sprintf(format, args...)}}
}

// variable describes a as part of a variable, nil if it is in none that debug information tells of (--read-var-info=yes).
func (m *Memcheck) variable(symbols *debuginfo.Space, t tool.Thread, a guest.Addr) []report.Aux {
	if symbols == nil {
		return nil
	}
	if v, ok := symbols.Global(a); ok {
		intro := ""
		if v.Path != "" {
			intro = "a global variable "
		}
		return m.inVariable(a, &v, "global", intro, "")
	}
	s, ok := m.host.(stackReader)
	if !ok {
		return nil
	}
	var x []report.Aux
	m.host.Threads(func(o tool.Thread) bool {
		if !o.Stack().Contains(a) {
			return true
		}
		regs, stopped := m.regsOf(s, t, o)
		if !stopped {
			return false
		}
		if v, n, ok := s.LocalAt(o, regs, a); ok {
			x = m.inVariable(a, &v, "local", "", fmt.Sprintf(", in frame #%d of thread %d", n, o.ID()))
		}
		return false
	})
	return x
}

// regsOf are the registers of o for the methods of s, when t is the thread that calls; ok is false while o runs.
func (m *Memcheck) regsOf(s stackReader, t, o tool.Thread) (regs *guest.Regs, ok bool) {
	if o.ID() == t.ID() {
		return nil, true
	}
	return s.ParkedRegs(o)
}

func (m *Memcheck) inVariable(a guest.Addr, v *debuginfo.Variable, kind, intro, where string) []report.Aux {
	bytes := "bytes"
	if v.Offset == 1 {
		bytes = "byte"
	}
	what := fmt.Sprintf("%s var \"%s\"", kind, v.Name)
	if v.Path != "" {
		what = v.Name + v.Path + ","
	}
	x := aux("Location %#x is %d %s inside %s", uint64(a), v.Offset, bytes, what)
	return append(x, report.Aux{Text: fmt.Sprintf("%sdeclared at %s:%d%s", intro, v.File, v.Line, where), File: v.File, Line: v.Line})
}

// sectionNames are the sections that messages name, with their names there.
var sectionNames = map[string]string{
	".text": "Text", ".data": "Data", ".bss": "BSS", ".got": "GOT", ".plt": "PLT", ".got.plt": "GOTPLT",
}

// What blocks are called.
const (
	allocated = "alloc'd"
	released  = "free'd"
)

// block describes a relative to block b, with the stacks that were kept for it.
func (m *Memcheck) block(a guest.Addr, b tool.HeapBlock) []report.Aux {
	state := allocated
	if b.Freed {
		state = released
	}
	return m.blockAs(a, b, state)
}

func (m *Memcheck) blockAs(a guest.Addr, b tool.HeapBlock, state string) []report.Aux {
	delta, where := uint64(a-b.Addr), "inside"
	switch {
	case a < b.Addr:
		delta, where = uint64(b.Addr-a), "before"
	case delta >= b.Size:
		delta, where = delta-b.Size, "after"
	}
	x := aux("Address %#x is %s bytes %s a block of size %s %s",
		uint64(a), report.Commas(delta), where, report.Commas(b.Size), state)
	if !b.Freed {
		x[0].Stack = m.keptAlloc(b.Alloc)
		return x
	}
	if x[0].Stack = b.Free; b.Free == 0 || m.opts.keepStacks == "alloc" {
		x[0].Stack = m.noStack
	}
	if st := m.keptAlloc(b.Alloc); st != m.noStack && m.opts.keepStacks != "alloc-then-free" {
		x = append(x, report.Aux{Text: "Block was alloc'd at", Stack: st})
	}
	return x
}

// keptAlloc is what --keep-stacktraces leaves of the stack of an allocation.
func (m *Memcheck) keptAlloc(stack uint32) uint32 {
	if stack == 0 || m.opts.keepStacks == "free" {
		return m.noStack
	}
	return stack
}

// onStack describes a as part of a thread's stack, nil if it is in none. t is the thread that came upon a.
func (m *Memcheck) onStack(t tool.Thread, a guest.Addr) (x []report.Aux) {
	guard := m.guardAt(a)
	m.host.Threads(func(o tool.Thread) bool {
		if s := o.Stack(); guard.End != 0 && guard.End == s.Start {
			below := uint64(guest.Addr(o.Regs().GPR[guest.RSP]) - a)
			x = aux("Address %#x is on thread %d's stack\nIn stack guard protected page, %d bytes below stack pointer", uint64(a), o.ID(), below)
			return false
		}
		if !o.Stack().Contains(a) && !overflow(o, a) {
			return true
		}
		x = aux("Address %#x is on thread %d's stack", uint64(a), o.ID())
		s, ok := m.host.(stackReader)
		if !ok {
			return false
		}
		regs, ok := m.regsOf(s, t, o)
		if !ok {
			return false
		}
		at := regs
		if at == nil {
			at = t.Regs()
		}
		if sp := guest.Addr(at.GPR[guest.RSP]); a+stackRedZone < sp {
			x[0].Text += fmt.Sprintf("\n%d bytes below stack pointer", uint64(sp-a))
		} else if n, _, pc, ok := s.FrameOf(o, regs, a); ok {
			x[0].Text += fmt.Sprintf("\nin frame #%d, created by %s", n, m.function(pc))
		}
		return false
	})
	return x
}

// guardAt is the mapping at a if it may not be accessed, as the one below a thread's stack.
func (m *Memcheck) guardAt(a guest.Addr) (r guest.Range) {
	m.host.Mappings(func(mp tool.Mapping) bool {
		if mp.Contains(a) && mp.Prot == 0 {
			r = mp.Range
		}
		return mp.End <= a
	})
	return r
}

// overflow reports whether the stack pointer of t has left all mappings and a is near it: the thread ran out of stack.
func overflow(t tool.Thread, a guest.Addr) bool {
	sp := guest.Addr(t.Regs().GPR[guest.RSP])
	return t.Stack().Empty() && sp != 0 && a+stackRedZone >= sp && a < sp+overflowReach
}

// overflowReach is how far above the stack pointer an access still belongs to a frame that does not fit.
const overflowReach = 2_000_000 // the default of --max-stackframe, the largest frame that is taken for one

// function names the function that pc is in, with the place where it begins.
func (m *Memcheck) function(pc guest.Addr) string {
	symbols, ok := m.host.Symbols().(*debuginfo.Space)
	if !ok {
		return "???"
	}
	frames := symbols.Frames(pc, nil)
	f := frames[len(frames)-1]
	// What is inlined at the beginning has the place of its call in the frame of the function; the innermost has the place itself.
	begin := symbols.Frames(pc-guest.Addr(f.Offset), nil)[0]
	name := f.Fn
	switch {
	case name == "":
		return "???"
	case begin.File != "":
		return fmt.Sprintf("%s (%s:%d)", name, begin.File, begin.Line)
	}
	return name
}

// sharedAnonymous is the file that the kernel shows for shared memory without a file.
const sharedAnonymous = "/dev/zero (deleted)"

// breakHost is a host that knows the brk data segment.
type breakHost interface{ Break() guest.Range }

// breakRoom is how far from its start addresses are told to be behind the brk data segment: Valgrind reserves so much for it.
const breakRoom = 8 << 20

// mapping describes a by the mapping that it is in.
func (m *Memcheck) mapping(a guest.Addr) []report.Aux {
	if h, ok := m.host.(breakHost); ok {
		if b := h.Break(); b.End <= a && a < b.Start+breakRoom {
			return aux("Address %#x is %d bytes after the brk data segment limit 0x%x", uint64(a), uint64(a-b.End), uint64(b.End))
		}
	}
	x := aux("Address %#x is not stack'd, malloc'd or (recently) free'd", uint64(a))
	m.host.Mappings(func(mp tool.Mapping) bool {
		if !mp.Contains(a) {
			return mp.Start <= a
		}
		switch {
		case mp.Path == "[heap]":
			x = aux("Address %#x is in the brk data segment 0x%x-0x%x", uint64(a), uint64(mp.Start), uint64(mp.End)-1)
		case mp.Tool:
			x = aux("Address %#x is in a %v anonymous segment", uint64(a), mp.Prot)
		case mp.Path == "" || mp.Path[0] == '[' || mp.Path == sharedAnonymous:
			x = aux("Address %#x is in a %v anonymous segment", uint64(a), mp.Prot)
		default:
			x = aux("Address %#x is in a %v mapped file %s segment", uint64(a), mp.Prot, mp.Path)
		}
		return false
	})
	return x
}
