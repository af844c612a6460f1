// Package memcheck is the tool that finds wrong uses of memory: accesses outside of blocks, after free and below the
// stack pointer, wrong frees, and leaks.
//
// It decides what is wrong and describes it as data; package report prints and counts. Blocks come from the replaced
// allocator, whose index it asks; package shadow keeps which bytes may be accessed and which are defined, package vbits says what
// instructions do to undefined bits.
//
// Invariant: memory of the replaced heap is accessible inside live blocks only; other mappings of the guest are
// accessible where their pages are. Translated code compares shadow bytes with 0 and calls Leave when one of them forbids
// the access.
//
// Locking: Memcheck.mu guards the custom blocks; it is held for look-ups only, never while other packages are called.
package memcheck

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"gogrind/internal/guest"
	"gogrind/internal/leak"
	"gogrind/internal/options"
	"gogrind/internal/report"
	"gogrind/internal/shadow"
	"gogrind/internal/stack"
	"gogrind/internal/tool"
)

// Memcheck is the tool.
type Memcheck struct {
	opts    settings
	core    *options.Core    // immutable from Start on
	host    tool.Host        // immutable from Start on
	report  *report.Reporter // immutable from Start on
	shadow  *shadow.Map
	stacks  *stack.Interner
	ownCode guest.Range // replacements of string functions
	depth   int         // frames that are captured
	noStack uint32      // what is shown where --keep-stacktraces keeps none: one call, at address 0; immutable from Start on
	frames  sync.Pool   // *[maxCallers]guest.Addr: buffers for stacks

	text          sync.Pool   // *[longestRun]byte: buffers for strings
	undefinedSeen atomic.Bool // an undefined value was used, reported or suppressed

	origins    origins
	reachCache sync.Map // guest.Addr of an instruction -> reach of its function

	goObjects sync.Map // *debuginfo.Object -> bool: see ofGo

	trees trees

	sweeper sweeper

	mu          sync.Mutex // guards all below
	custom      custom
	customFreed []tool.HeapBlock // the most recent last
	customStats tool.HeapStats
	zones       map[guest.Addr]uint64      // red zones of custom blocks that have some
	pools       map[guest.Addr]*pool       // by the address that stands for a pool
	named       []named                    // by handle
	silent      []guest.Range              // addresses that the client wants no reports about
	lastRecords map[leak.Place]leak.Record // of the last leak check
	lastLeaks   leakSummary
	search      *lastSearch // of the last leak check; nil before
}

// The abilities that the core looks for.
var (
	_ tool.Tool           = (*Memcheck)(nil)
	_ tool.HeapReplacer   = (*Memcheck)(nil)
	_ tool.QuickHeaper    = (*Memcheck)(nil)
	_ tool.ReallocZeroer  = (*Memcheck)(nil)
	_ tool.HeapArgs       = (*Memcheck)(nil)
	_ tool.OverlapWatcher = (*Memcheck)(nil)
	_ tool.MemoryWatcher  = (*Memcheck)(nil)
	_ tool.BreakWatcher   = (*Memcheck)(nil)
	_ tool.Leaver         = (*Memcheck)(nil)
	_ tool.KernelWatcher  = (*Memcheck)(nil)
	_ tool.FaultWatcher   = (*Memcheck)(nil)
	_ tool.Requester      = (*Memcheck)(nil)
	_ tool.StackWatcher   = (*Memcheck)(nil)
	_ tool.Exact          = (*Memcheck)(nil)
	_ tool.ThreadWatcher  = (*Memcheck)(nil)
)

// New returns the tool.
func New() *Memcheck {
	return &Memcheck{
		shadow: shadow.NewGuest(), stacks: stack.NewInterner(), depth: defaultCallers,
		frames: sync.Pool{New: func() any { return new([maxCallers]guest.Addr) }},
		text:   sync.Pool{New: func() any { return new([longestRun]byte) }},
		zones:  map[guest.Addr]uint64{}, sweeper: sweeper{more: make(chan struct{}, 1)},
	}
}

// interner is a host that knows when code has gone that stacks lead through.
type interner interface {
	Stacks() *stack.Interner
}

// descriptors is a host that keeps descriptors from a number on away from the guest.
type descriptors interface{ FirstFD() int }

// defaultCallers is the default of --num-callers.
const defaultCallers = 12

// Info implements tool.Tool.
func (*Memcheck) Info() tool.Info {
	return tool.Info{
		Name:        "memcheck",
		Title:       "Memcheck, a memory error detector",
		Description: "finds invalid accesses to memory, wrong frees and leaks",
	}
}

// Start implements tool.Tool.
func (m *Memcheck) Start(h tool.Host) error {
	m.host = h
	var ok bool
	if m.core, ok = h.Options().(*options.Core); !ok {
		return errors.New("memcheck: the host has no core options")
	}
	if m.report, ok = h.Report().(*report.Reporter); !ok {
		return errors.New("memcheck: the host has no reporter")
	}
	if s, ok := h.(interner); ok {
		m.stacks = s.Stacks()
	}
	m.noStack = uint32(m.stacks.Intern([]guest.Addr{0}))
	m.settle()
	if m.opts.origins {
		m.shadow.UseTags(uint64(guest.TagDistance))
	}
	m.trees.begin()
	if m.core.NumCallers > 0 {
		m.depth = min(m.core.NumCallers, maxCallers)
	}
	if o, ok := h.(interface{ OwnCode() guest.Range }); ok {
		m.ownCode = o.OwnCode()
	}
	if d, ok := h.(descriptors); ok {
		if err := m.shadow.UseTemplate(d.FirstFD()); err != nil {
			return fmt.Errorf("memcheck: %w", err)
		}
		if err := m.shadow.UseSweep(d.FirstFD()); err != nil && m.core.Verbosity > 1 {
			m.log().Userf("%v", err) // what is full stays
		}
	}
	h.Mappings(func(mp tool.Mapping) bool {
		m.Mapped(mp)
		return true
	})
	h.Threads(func(t tool.Thread) bool {
		m.belowStack(t)
		return true
	})
	return nil
}
