package massif

import (
	"io"
	"strings"
	"time"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/report"
	"gogrind/internal/tool"
	"gogrind/internal/xtree"
)

// Values of --xtree-memory.
const (
	xtreeAllocs = "allocs" // what is allocated at the end
	xtreeFull   = "full"   // and what was allocated and freed in the whole run
)

// treeEvents are the columns of a full tree; one of what is allocated now has the first two.
var treeEvents = []xtree.Event{
	{Name: "curB", Text: "currently allocated Bytes"}, {Name: "curBk", Text: "currently allocated Blocks"},
	{Name: "totB", Text: "total allocated Bytes"}, {Name: "totBk", Text: "total allocated Blocks"},
	{Name: "totFdB", Text: "total Freed Bytes"}, {Name: "totFdBk", Text: "total Freed Blocks"},
}

// freedAt notes for a full tree that t frees b.
func (m *Massif) freedAt(t tool.Thread, b tool.HeapBlock) {
	if m.core.XtreeMemory != xtreeFull || b.Alloc == 0 {
		return
	}
	m.capture(t, func(pcs []guest.Addr) {
		if n := m.contexts.at(pcs, true); n != 0 {
			s := m.freedSums[n]
			m.freedSums[n] = sum{s.bytes + b.Size, s.blocks + 1}
		}
	})
}

// writeTree writes the tree of heap use to the file of that name; if it ends in .ms, in Massif's format. The caller holds mu.
func (m *Massif) writeTree(pattern string) {
	t := xtree.Tree{PID: m.report.Log().PID(), Command: strings.Join(m.command.Args, " "), Full: !m.core.XtreeCompress,
		Time: time.Since(m.started).Milliseconds(), Events: treeEvents}
	if m.core.XtreeMemory != xtreeFull {
		t.Events = treeEvents[:2]
	}
	massif := strings.HasSuffix(pattern, ".ms")
	for i := 1; i < len(m.contexts.list); i++ {
		x := &m.contexts.list[i]
		freed := m.freedSums[i]
		values := []uint64{x.bytes, x.blocks, x.all.bytes, x.all.blocks, freed.bytes, freed.blocks}[:len(t.Events)]
		used := uint64(0)
		for _, v := range values {
			used |= v
		}
		if used != 0 {
			t.Entries = append(t.Entries, xtree.Entry{Frames: m.treeFrames(x.pcs, massif), Values: values})
		}
	}
	native := m.extra("xtree-memory-file", pattern, monitorTree, func(w io.Writer) error {
		if massif {
			return t.Massif(w)
		}
		return t.Callgrind(w)
	})
	if native != "" && m.core.Verbosity > 0 {
		m.report.Log().Userf("xtree memory report: %s", (&files{dir: m.dir}).path(native))
	}
}

// treeFrames names the calls of a context. Inlined ones are calls of their own in Massif's format; in callgrind's, their lines belong
// to the function that they are inlined into.
func (m *Massif) treeFrames(pcs []guest.Addr, inlined bool) (out []xtree.Frame) {
	for _, pc := range pcs {
		frames := m.contexts.resolved(pc)
		if !inlined {
			f := frames[0]
			f.Fn = frames[len(frames)-1].Fn
			frames = []debuginfo.Frame{f}
		}
		for _, fr := range frames {
			f := report.Frame(fr)
			x := xtree.Frame{PC: uint64(pc), Fn: f.Fn, File: f.File, Line: f.Line, Text: m.view.Describe(&f)}
			if f.File != "" && f.Dir != "" {
				x.File = f.Dir + "/" + f.File
			}
			out = append(out, x)
		}
	}
	return out
}
