// Package massif is the tool that measures heap memory over time: how much is in use, and which calls it was asked for by.
//
// It adds up bytes by allocating context, and takes snapshots by Valgrind's rules (see
// recorder). At the end it writes them in Valgrind's format, for ms_print and massif-visualizer, and as a profile for
// go tool pprof. It doesn't draw graphs: that is package msprint's work. It tells nothing about wrong frees.
//
// Where numbers differ from Valgrind's: its allocator gives a block up to 16 bytes more when the rest of a free area would
// be too little for another one, which counts as extra bytes there; blocks of memory pools count here when they lie outside
// of heap blocks; a page that is mapped over counts once with --pages-as-heap=yes; the stacks' time within a batch of events
// is interpolated, and a frame counts from its first push or call on. The clock of instructions may lose some when threads
// run in parallel, and up to 200 where a thread is interrupted or faults.
//
// Invariant: the sums of the contexts in use are the sum of the live blocks that are not ignored.
//
// Locking: Massif.mu guards all that changes after Start. It is taken before the heap's own lock, and held while names of new contexts are looked up, never while
// a stack is captured.
package massif

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/options"
	"gogrind/internal/report"
	"gogrind/internal/tool"
)

// Massif is the tool.
type Massif struct {
	opts settings

	// Immutable from Start on.
	core    *options.Core
	host    tool.Host
	report  *report.Reporter
	symbols *debuginfo.Space
	command *options.Command
	view    report.View
	started time.Time
	dir     string        // working directory at start
	early   []string      // files written before exec, which only stay if that succeeds
	insts   tool.Counters // of executed instructions, when they are the time

	pcs   sync.Pool // *[]guest.Addr: buffers for stacks
	frees entries   // functions that free

	mu       lock // guards all below
	rec      recorder
	contexts contexts
	slops    map[guest.Addr]uint64 // of blocks whose slop doesn't follow from their size
	ignored  map[guest.Addr]bool   // blocks that don't count though their context does
	custom   map[guest.Addr]block  // described by client requests
	pools    map[guest.Addr]*pool  // by the address that stands for a pool
	areas    areas                 // of --pages-as-heap
	threads  map[int]*threadStack  // of --stacks
	use      usage
	// freedSums is what was freed by context of the free, for --xtree-memory=full.
	freedSums map[int]sum
	treesSeen int    // %n in names of files beside the result
	moved     uint64 // bytes allocated and freed so far: the time of --time-unit=B

	replaying bool // events of the past are being counted; then is when they were
	then      int64
}

// block is a live block.
type block struct {
	size uint64 // bytes asked for
	slop uint64 // bytes more that the allocator gave
	ctx  int    // number of the allocating context, 0 when the block is ignored
}

// lock is a mutex. Who has got it knows of all that the heap has done before.
type lock struct {
	sync.Mutex
	before func() // catches up, with the lock held; immutable from Start on
}

func (l *lock) Lock() {
	l.Mutex.Lock()
	if l.before != nil {
		l.before()
	}
}

// The abilities that the core looks for.
var (
	_ tool.Tool          = (*Massif)(nil)
	_ tool.HeapReplacer  = (*Massif)(nil)
	_ tool.QuickHeaper   = (*Massif)(nil)
	_ tool.MemoryWatcher = (*Massif)(nil)
	_ tool.Requester     = (*Massif)(nil)
	_ tool.ThreadWatcher = (*Massif)(nil)
	_ tool.EventWatcher  = (*Massif)(nil)
	_ tool.ExecWatcher   = (*Massif)(nil)
	_ tool.Clocked       = (*Massif)(nil)
)

// New returns the tool.
func New() *Massif {
	return &Massif{
		slops:   map[guest.Addr]uint64{},
		ignored: map[guest.Addr]bool{},
		custom:  map[guest.Addr]block{},
		pools:   map[guest.Addr]*pool{},

		threads:   map[int]*threadStack{},
		freedSums: map[int]sum{},
	}
}

// Info implements tool.Tool.
func (*Massif) Info() tool.Info {
	return tool.Info{
		Name:        "massif",
		Title:       "Massif, a heap profiler",
		Description: "measures how much heap memory a program uses, over time and by place",
	}
}

// Start implements tool.Tool.
func (m *Massif) Start(h tool.Host) error {
	if m.opts.stacks && m.opts.pagesAsHeap {
		return errors.New("--stacks=yes and --pages-as-heap=yes can't be used together: pages of stacks are pages, too")
	}
	var ok bool
	if m.core, ok = h.Options().(*options.Core); !ok {
		return errors.New("massif: the host has no core options")
	}
	if m.report, ok = h.Report().(*report.Reporter); !ok {
		return errors.New("massif: the host has no reporter")
	}
	if m.symbols, ok = h.Symbols().(*debuginfo.Space); !ok {
		return errors.New("massif: the host has no symbols")
	}
	// The contract doesn't carry the command line, which is part of the result.
	var err error
	if _, m.command, err = options.Parse(os.Args[1:], os.Environ(), "massif", New().Flags); err != nil {
		return fmt.Errorf("massif: command line: %w", err)
	}
	if m.dir, err = os.Getwd(); err != nil {
		m.dir = ""
	}
	m.view = report.View{ShowBelowMain: m.core.ShowBelowMain, Mangled: !m.core.Demangle,
		Fullpath: m.core.FullpathAfter, Offsets: m.core.SymOffsets}
	m.host = h
	m.begin()
	return nil
}

// begin starts the recording with an empty snapshot. That of pages begins with those that are there when the main thread does.
func (m *Massif) begin() {
	depth := m.opts.depth + overestimate
	m.pcs.New = func() any { p := make([]guest.Addr, depth); return &p }
	m.started = time.Now()
	m.contexts = newContexts(m.opts, m.symbols, m.core.ShowBelowMain)
	m.rec = recorder{
		max: m.opts.maxSnapshots, detailedFreq: m.opts.detailedFreq, inaccuracy: m.opts.peakInaccuracy,
		detail: m.contexts.capture,
	}
	if m.opts.pagesAsHeap {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rec.normal(m.now(), m.use)
	if m.opts.stacks {
		m.host.Threads(func(t tool.Thread) bool {
			m.stack(t)
			return true
		})
	}
}

// overestimate is how many calls more than --depth are captured: allocation functions at the top don't count.
const overestimate = 10

// now is the time in the unit of the option. The caller holds mu.
func (m *Massif) now() int64 {
	switch m.opts.timeUnit {
	case unitInstructions:
		if m.replaying {
			return m.then
		}
		n := uint64(0)
		for _, v := range m.insts.Values {
			n += v
		}
		return int64(n)
	case unitBytes:
		return int64(m.moved)
	}
	return time.Since(m.started).Milliseconds()
}

// Clock implements tool.Clocked: it counts instructions when they are the time.
func (m *Massif) Clock(counters func(n int) tool.Counters) (words tool.Counters, alone bool) {
	if m.opts.timeUnit == unitInstructions {
		m.insts = counters(clocks)
	}
	return m.insts, !m.opts.stacks
}

// clocks is how many words the instructions are spread over: additions to one and the same would wait for each other.
const clocks = 8

// Instrument implements tool.Tool.
func (m *Massif) Instrument(b *tool.Block) {
	if m.opts.stacks {
		stackEvents(b)
	}
}
