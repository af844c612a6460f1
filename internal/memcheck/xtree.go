package memcheck

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"gogrind/internal/leak"
	"gogrind/internal/options"
	"gogrind/internal/tool"
	"gogrind/internal/xtree"
)

// Values of --xtree-memory.
const (
	xtreeAllocs = "allocs" // what is allocated at the end
	xtreeFull   = "full"   // and all that was allocated and freed before
)

// memoryEvents are the columns of a full memory tree; the tree of what is allocated has the first two.
var memoryEvents = []xtree.Event{
	{Name: "curB", Text: "currently allocated Bytes"}, {Name: "curBk", Text: "currently allocated Blocks"},
	{Name: "totB", Text: "total allocated Bytes"}, {Name: "totBk", Text: "total allocated Blocks"},
	{Name: "totFdB", Text: "total Freed Bytes"}, {Name: "totFdBk", Text: "total Freed Blocks"},
}

// Columns of memoryEvents.
const (
	colCurB = iota
	colCurBk
	colTotB
	colTotBk
	colFreedB
	colFreedBk
)

// leakEvents are the columns of a leak tree: the sizes of records, what they grew by since the search before, and shrank by.
var leakEvents = func() []xtree.Event {
	columns := []xtree.Event{
		{Name: "RB", Text: "Reachable Bytes"}, {Name: "PB", Text: "Possibly lost Bytes"}, {Name: "IB", Text: "Indirectly lost Bytes"},
		{Name: "DB", Text: "Definitely lost Bytes (direct plus indirect)"},
		{Name: "DIB", Text: "Definitely Indirectly lost Bytes (subset of DB)"},
		{Name: "RBk", Text: "reachable Blocks"}, {Name: "PBk", Text: "Possibly lost Blocks"},
		{Name: "IBk", Text: "Indirectly lost Blocks"}, {Name: "DBk", Text: "Definitely lost Blocks"},
	}
	all := columns
	for _, p := range []struct{ letter, word string }{{"i", "increase"}, {"d", "decrease"}} {
		for _, c := range columns {
			text, _, _ := strings.Cut(c.Text, " (")
			all = append(all, xtree.Event{Name: p.letter + c.Name, Text: p.word + " " + text})
		}
	}
	return all
}()

// leakColumns is the number of columns for sizes.
const leakColumns = 9

// trees are the execution trees of a run (--xtree-memory, --xtree-leak).
type trees struct {
	dir   string // working directory at start
	start time.Time
	names options.Expander

	mu  sync.Mutex
	use map[uint32]*[6]uint64 // columns of memoryEvents by stack; guarded by mu
}

// begin notes what a tree needs to know of the start.
func (x *trees) begin() {
	x.dir, _ = os.Getwd()
	x.start = time.Now()
	x.use = map[uint32]*[6]uint64{}
}

// count adds to the columns of a stack; x.mu is held.
func (x *trees) count(stack uint32, bytes uint64, columns ...int) {
	u := x.use[stack]
	if u == nil {
		u = new([6]uint64)
		x.use[stack] = u
	}
	for _, c := range columns {
		u[c] += bytes
		u[c+1]++
	}
}

// allocated and freed keep the books of --xtree-memory=full. A free counts where it was made.
func (m *Memcheck) allocated(b tool.HeapBlock) {
	if m.core.XtreeMemory == xtreeFull {
		m.trees.mu.Lock()
		defer m.trees.mu.Unlock()
		m.trees.count(b.Alloc, b.Size, colTotB)
	}
}

func (m *Memcheck) freed(stack uint32, size uint64) {
	if m.core.XtreeMemory == xtreeFull {
		m.trees.mu.Lock()
		defer m.trees.mu.Unlock()
		m.trees.count(stack, size, colFreedB)
	}
}

// memoryTree writes the tree of --xtree-memory, and that of the monitor command, to the file that an option names. The guest must not
// run.
func (m *Memcheck) memoryTree(option, pattern string) {
	h := m.host.Heap()
	if h == nil {
		return
	}
	x := &m.trees
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, u := range x.use {
		u[colCurB], u[colCurBk] = 0, 0 // of the tree before
	}
	h.Live(func(b tool.HeapBlock) bool {
		x.count(b.Alloc, b.Size, colCurB)
		return true
	})
	t := m.newTree(memoryEvents)
	if m.core.XtreeMemory != xtreeFull {
		t.Events = memoryEvents[:colTotB]
	}
	for _, stack := range slices.Sorted(maps.Keys(x.use)) {
		if *x.use[stack] == ([6]uint64{}) {
			continue
		}
		// The replaced function itself is left out: all stacks have one.
		t.Entries = append(t.Entries, xtree.Entry{Frames: m.treeFrames(stack, 1), Values: x.use[stack][:len(t.Events)]})
	}
	m.writeTree(t, "memory", option, pattern)
}

// leakTree is a tree of loss records. Without a Tree, when none is wanted, it takes records all the same.
type leakTree struct {
	*xtree.Tree
	byStack map[uint32]int // index in Entries
}

// add adds a record of kind r.Kind that was old in the search before.
func (t leakTree) add(m *Memcheck, r, old *leak.Record) {
	if t.Tree == nil {
		return
	}
	columns := func(r *leak.Record) (c [leakColumns]uint64) {
		i := int(r.Kind)
		c[i], c[5+i] = r.Bytes, r.Blocks
		if r.Kind == leak.Definite {
			c[i], c[i+1] = r.Total(), r.Indirect
		}
		return c
	}
	now := columns(r)
	before := *old
	before.Kind = r.Kind
	then := columns(&before)
	at, ok := t.byStack[r.Stack]
	if !ok {
		at = len(t.Entries)
		t.byStack[r.Stack] = at
		t.Entries = append(t.Entries, xtree.Entry{Frames: m.treeFrames(r.Stack, 0), Values: make([]uint64, len(leakEvents))})
	}
	v := t.Entries[at].Values
	for i := range leakColumns {
		v[i] += now[i]
		if now[i] > then[i] {
			v[leakColumns+i] += now[i] - then[i]
		} else {
			v[2*leakColumns+i] += then[i] - now[i]
		}
	}
}

// newTree returns an empty tree.
func (m *Memcheck) newTree(events []xtree.Event) *xtree.Tree {
	t := &xtree.Tree{PID: m.log().PID(), Events: events, Full: !m.core.XtreeCompress, Time: time.Since(m.trees.start).Milliseconds()}
	if c, ok := m.host.(commander); ok {
		t.Command = strings.Join(c.Command(), " ")
	}
	return t
}

// sequencer is a host that numbers files.
type sequencer interface {
	Sequence() *int
}

// commander is a host that knows the program's command line.
type commander interface {
	Command() []string
}

// treeFrames names the calls of a stack but the first skip.
func (m *Memcheck) treeFrames(stack uint32, skip int) []xtree.Frame {
	frames := m.report.StackFrames(stack)
	var out []xtree.Frame
	for i := min(skip, len(frames)); i < len(frames); i++ {
		f := &frames[i]
		x := xtree.Frame{PC: uint64(f.PC), Fn: f.Fn, File: f.File, Line: f.Line, Text: m.report.Describe(f)}
		if f.File != "" && f.Dir != "" {
			x.File = f.Dir + "/" + f.File
		}
		out = append(out, x)
	}
	return out
}

// writeTree writes t to the file that an option names, and tells so. A name that ends in .ms asks for massif's format.
func (m *Memcheck) writeTree(t *xtree.Tree, what, option, pattern string) {
	x := &m.trees
	x.names.PID, x.names.Dir = m.log().PID(), x.dir
	if c, ok := m.host.(sequencer); ok {
		x.names.Seq = c.Sequence()
	}
	name, err := x.names.Expand(option, pattern)
	if err != nil {
		m.log().Userf("%v", err)
		return
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(x.dir, name)
	}
	if err := writeFile(name, t); err != nil {
		m.log().Userf("xtree %s report: %v", what, err)
		return
	}
	if !m.core.XML {
		m.log().Userf("xtree %s report: %s", what, name)
	}
}

func writeFile(name string, t *xtree.Tree) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	write := t.Callgrind
	if strings.HasSuffix(name, ".ms") {
		write = t.Massif
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
