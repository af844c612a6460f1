package memcheck

import (
	"fmt"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/report"
	"gogrind/internal/tool"
)

// about makes the part of a finding that describes address a. What it takes is looked up when the finding is new.
func (m *Memcheck) about(t tool.Thread, a guest.Addr) func(*report.Finding) {
	return func(f *report.Finding) { f.Aux = m.describe(t, a) }
}

// finding starts a finding at the current place of t. Details in text that vary from one instance to the next are no
// part of key.
func (m *Memcheck) finding(t tool.Thread, kind, supp, text string) *report.Finding {
	return &report.Finding{Kind: kind, SuppKind: supp, Text: text, Thread: t.ID(), PCs: m.callers(t)}
}

// callers captures the stack of t.
func (m *Memcheck) callers(t tool.Thread) []guest.Addr {
	pcs := make([]guest.Addr, m.depth)
	return pcs[:m.host.Unwind(t, pcs)]
}

// Leave implements tool.Leaver: translated code found a shadow byte of the access that is not 0. What the access loads decides
// whether the instruction is stepped; a store makes its bytes defined.
func (m *Memcheck) Leave(t tool.Thread, kind isa.AccessKind, a guest.Addr, size int) (exact bool) {
	if size == 0 {
		return m.opts.undefErrors // which parts are accessed is known to those who follow what registers hold
	}
	r := guest.Range{Start: a, End: a + guest.Addr(size)}
	_, bad := m.shadow.FirstNoAccess(r)
	if bad = bad || m.belowSP(t, r); bad {
		exact = m.leaveBad(t, kind, r)
	} else {
		if kind == isa.Store {
			m.shadow.MakeDefined(r)
		}
		exact = m.loadsUndefined(kind, r)
	}
	if x := registersOf(t); x != nil && (bad || exact) {
		x.judged.leave(guest.Addr(t.Regs().RIP), kind, r, bad, exact)
	}
	return exact
}

// leaveBad is Leave for an access to bytes that may not be accessed.
func (m *Memcheck) leaveBad(t tool.Thread, kind isa.AccessKind, r guest.Range) (exact bool) {
	switch {
	case kind == isa.Load && r.Len() >= minVector && m.reachAt(guest.Addr(t.Regs().RIP)) != reachNone && m.goodLoad(t, r):
		return m.loadsUndefined(kind, r) // what string functions read too much of plays no part in their results
	case kind == isa.Load && m.goodLoad(t, r):
		return m.opts.undefErrors
	case m.ignored(t, r):
		return m.loadsUndefined(kind, r)
	}
	if kind&isa.Load != 0 {
		m.invalid(t, isa.Load, r)
	}
	if kind&isa.Store != 0 {
		m.invalid(t, isa.Store, r)
	}
	if m.belowSP(t, r) {
		return false
	}
	if kind == isa.Store {
		m.shadow.MakeDefinedIfAddressable(r)
	}
	return m.loadsUndefined(kind, r)
}

// loadsUndefined reports whether an access to r loads undefined bytes that count.
func (m *Memcheck) loadsUndefined(kind isa.AccessKind, r guest.Range) bool {
	if kind&isa.Load == 0 {
		return false
	}
	if !m.opts.undefErrors {
		m.shadow.MakeDefinedIfAddressable(r) // so that it need not come here again
		return false
	}
	_, is := m.shadow.FirstUndefined(r)
	return is
}

// badAccess reports a load or a store. A read and a write of one size at one place are the same error to Memcheck: of an
// instruction that makes both, the read is shown.
func (m *Memcheck) badAccess(t tool.Thread, kind isa.AccessKind, a guest.Addr, size int) {
	what, verb := "InvalidRead", "read"
	if kind == isa.Store {
		what, verb = "InvalidWrite", "write"
	}
	supp := fmt.Sprintf("Addr%d", size)
	f := m.finding(t, what, supp, fmt.Sprintf("Invalid %s of size %d", verb, size))
	f.Key = supp
	f.Fill = m.about(t, a)
	m.report.Report(f)
}

// goodLoad reports whether load r is right although bytes of it are inaccessible.
func (m *Memcheck) goodLoad(t tool.Thread, r guest.Range) bool {
	if r.Len() < minVector {
		return m.partialLoad(t, r)
	}
	if what := m.reachAt(guest.Addr(t.Regs().RIP)); what != reachNone {
		return m.overRead(t, r, what)
	}
	return m.partialLoad(t, r)
}

// partialLoad reports whether r is an aligned load of a word or vector that is accessible in part, which
// --partial-loads-ok lets pass: optimised string functions read like that.
func (m *Memcheck) partialLoad(t tool.Thread, r guest.Range) bool {
	return m.partly(t, r) && m.unit(t, isa.Load, r) == r.Len() // rep lods is no load of a vector
}

func (m *Memcheck) partly(t tool.Thread, r guest.Range) bool {
	n := r.Len()
	if !m.opts.partialLoadsOK || n < 4 || n > 64 || n&(n-1) != 0 || uint64(r.Start)&(n-1) != 0 {
		return false
	}
	_, some := m.shadow.FirstAccessible(r)
	return some && !m.belowSP(t, r)
}

// ignored applies --ignore-ranges, --ignore-range-below-sp and the client requests that switch reports off.
func (m *Memcheck) ignored(t tool.Thread, r guest.Range) bool {
	sp := guest.Addr(t.Regs().GPR[guest.RSP])
	if r.Start < sp && m.opts.ignoreBelowSP.Contains(sp-r.Start) {
		return true
	}
	if m.opts.gcc296 && r.Start < sp && sp-r.Start <= gcc296Reach {
		return true
	}
	if h, ok := m.host.(stackHost); ok && h.StackOverflow(t, r.Start) {
		return true // a fault follows, of which the core tells
	}
	for _, q := range m.opts.ignoreRanges {
		if q.Contains(r.Start) {
			return true
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, q := range m.silent {
		if q.Contains(r.Start) {
			return true
		}
	}
	return false
}

// stackHost is a host that knows when a stack is used up.
type stackHost interface {
	StackOverflow(t tool.Thread, a guest.Addr) bool
}

// gcc296Reach is how far below the stack pointer the code of that compiler reads.
const gcc296Reach = 1024

// Fault implements tool.FaultWatcher. Loads and stores were checked before they were made; what is left is a jump to where
// no code can be.
func (m *Memcheck) Fault(t tool.Thread, sig, _ int, addr guest.Addr) {
	if sig != sigSEGV && sig != sigBUS || guest.Addr(t.Regs().RIP) != addr {
		return
	}
	if _, bad := m.shadow.FirstNoAccess(guest.Range{Start: addr, End: addr + 1}); !bad {
		return
	}
	f := m.finding(t, "InvalidJump", "Jump", "Jump to the invalid address stated on the next line")
	f.Fill = m.about(t, addr)
	m.report.Report(f)
}

// Signal numbers of the kernel.
const (
	sigBUS  = 7
	sigSEGV = 11
)

// BadFree implements tool.HeapReplacer.
func (m *Memcheck) BadFree(t tool.Thread, _ string, a guest.Addr, _ tool.HeapBlock, _ bool) {
	f := m.finding(t, "InvalidFree", "Free", "Invalid free() / delete / delete[] / realloc()")
	f.Fill = m.about(t, a)
	m.report.Report(f)
}

// MismatchedFree implements tool.HeapReplacer.
func (m *Memcheck) MismatchedFree(t tool.Thread, _ string, _ tool.AllocKind, b tool.HeapBlock) {
	if !m.opts.showMismatched {
		return
	}
	f := m.finding(t, "MismatchedFree", "Free", "Mismatched free() / delete / delete []")
	f.Fill = func(f *report.Finding) { f.Aux = m.block(b.Addr, b) }
	m.report.Report(f)
}

// ReallocZero implements tool.ReallocZeroer.
func (m *Memcheck) ReallocZero(t tool.Thread, b tool.HeapBlock) {
	if !m.opts.showRealloc0 {
		return
	}
	f := m.finding(t, "ReallocSizeZero", "ReallocZero", "realloc() with size 0")
	f.Fill = func(f *report.Finding) { f.Aux = m.block(b.Addr, b) }
	m.report.Report(f)
}

// The methods of tool.HeapArgs report what Valgrind reports since 3.22, with its texts, if --check-heap-args=yes asks for it.

// BadAlign implements tool.HeapArgs.
func (m *Memcheck) BadAlign(t tool.Thread, align, size uint64, wants string, withSize bool) {
	if !m.opts.heapArgs {
		return
	}
	kind, text := "InvalidAlignment", fmt.Sprintf("Invalid alignment value: %d%s", align, wants)
	if withSize {
		kind, text = "InvalidSizeAndAlignment", fmt.Sprintf("Invalid size value: %d alignment value: %d%s", size, align, wants)
	}
	m.report.Report(m.finding(t, kind, "BadAlign", text))
}

// BadSize implements tool.HeapArgs.
func (m *Memcheck) BadSize(t tool.Thread, fn string) {
	if m.opts.heapArgs {
		m.report.Report(m.finding(t, "InvalidSize", "BadSize", fn+" invalid size value: 0"))
	}
}

// SizeMismatch implements tool.HeapArgs.
func (m *Memcheck) SizeMismatch(t tool.Thread, b tool.HeapBlock, functions string, size uint64) {
	if m.opts.heapArgs {
		m.mismatch(t, b, "MismatchedAllocateDeallocateSize", fmt.Sprintf("Mismatched %s size value: %d", functions, size))
	}
}

// AlignMismatch implements tool.HeapArgs.
func (m *Memcheck) AlignMismatch(t tool.Thread, b tool.HeapBlock, functions string, align uint64) {
	if !m.opts.heapArgs {
		return
	}
	freed := "default-aligned"
	if align != 0 {
		freed = fmt.Sprint(align)
	}
	m.mismatch(t, b, "MismatchedAllocateDeallocateAlignment", fmt.Sprintf("Mismatched %s alignment alloc value: %d dealloc value: %s", functions,
		b.Align, freed))
}

// mismatch reports a block that is freed in another way than it was allocated. Suppressions of such frees have the kind Free.
func (m *Memcheck) mismatch(t tool.Thread, b tool.HeapBlock, kind, text string) {
	f := m.finding(t, kind, "Free", text)
	f.Fill = func(f *report.Finding) { f.Aux = m.block(b.Addr, b) }
	m.report.Report(f)
}

// FishySize implements tool.HeapReplacer.
func (m *Memcheck) FishySize(t tool.Thread, fn, arg string, size int64) {
	text := fmt.Sprintf("Argument '%s' of function %s has a fishy (possibly negative) value: ", arg, fn)
	f := m.finding(t, "FishyValue", "FishyValue", text+fmt.Sprint(size))
	f.Key = text
	f.SuppExtra = fmt.Sprintf("%s(%s)", fn, arg)
	m.report.Report(f)
}

// undefinedKind says how an undefined value was used.
type undefinedKind uint8

const (
	undefinedCond     undefinedKind = iota // decides a conditional jump or move
	undefinedUse                           // is an address, or the operand of something that can't be undefined
	undefinedArg                           // argument of a system call
	undefinedArgBytes                      // memory that a system call reads
	undefinedChecked                       // memory that the client asked about
)

// originKind says what made an undefined value.
type originKind uint8

const (
	originNone originKind = iota // not tracked
	originUnknown
	originHeap
	originStack
	originClient
)

// origin is where an undefined value came into being. The zero value says nothing.
type origin struct {
	kind  originKind
	stack uint32 // interned
}

// originTexts are what is said about the kinds of origin.
var originTexts = [...]string{
	originUnknown: "Uninitialised value was created",
	originHeap:    "Uninitialised value was created by a heap allocation",
	originStack:   "Uninitialised value was created by a stack allocation",
	originClient:  "Uninitialised value was created by a client request",
}

// reportUndefined reports the use of an undefined value by t at its current place. size is that of the value in bytes, for
// undefinedUse; param names the parameter ("write(buf)"), for the two of system calls; addr is the first undefined byte,
// for undefinedArgBytes and undefinedChecked. It does nothing with --undef-value-errors=no.
func (m *Memcheck) reportUndefined(t tool.Thread, kind undefinedKind, size int, param string, addr guest.Addr, origin origin) {
	if !m.opts.undefErrors {
		return
	}
	m.undefinedSeen.Store(true)
	var f *report.Finding
	inMemory := false
	switch kind {
	case undefinedCond:
		f = m.finding(t, "UninitCondition", "Cond", "Conditional jump or move depends on uninitialised value(s)")
	case undefinedUse:
		f = m.finding(t, "UninitValue", fmt.Sprintf("Value%d", size), fmt.Sprintf("Use of uninitialised value of size %d", size))
	case undefinedArg:
		f = m.finding(t, "SyscallParam", "Param", "Syscall param "+param+" contains uninitialised byte(s)")
		f.SuppExtra = param
	case undefinedArgBytes:
		f = m.finding(t, "SyscallParam", "Param", "Syscall param "+param+" points to uninitialised byte(s)")
		f.SuppExtra = param
		inMemory = true
	case undefinedChecked:
		f = m.finding(t, "ClientCheck", "User", "Uninitialised byte(s) found during client check request")
		inMemory = true
	}
	f.Fill = func(f *report.Finding) {
		if inMemory {
			f.Aux = m.describe(t, addr)
		}
		if origin.kind != originNone {
			f.Aux = append(f.Aux, report.Aux{Text: originTexts[origin.kind], Stack: origin.stack})
		}
	}
	m.report.Report(f)
}
