// Package xtree writes execution trees: call stacks with counts, in callgrind's format for KCachegrind and callgrind_annotate or in
// massif's for ms_print and massif-visualizer. They hold heap use (--xtree-memory) or leaks (--xtree-leak).
//
// It knows nothing of guests and keeps nothing: stacks come with their names.
package xtree

import (
	"fmt"
	"io"
	"strings"
)

// Frame is one call.
type Frame struct {
	PC   uint64
	Fn   string // "" when unknown
	File string // with its directory, "" when unknown
	Line int
	// Text is the frame as stack traces show it.
	Text string
}

// Entry is a stack, innermost call first, with one value for each event of the tree.
type Entry struct {
	Frames []Frame
	Values []uint64
}

// Event is something that is counted.
type Event struct {
	Name, Text string // "curB", "currently allocated Bytes"
}

// Tree is what is written.
type Tree struct {
	PID     int
	Command string // as in the log's head
	Events  []Event
	Entries []Entry
	// Full writes names out at each use (--xtree-compress-strings=no).
	Full bool
	// Time is the age of the process in milliseconds, for massif's format.
	Time int64
}

// Names where debug information gives none.
const (
	unknownFile = "UnknownFile???"
	unknownFn   = "UnknownFn???"
)

// namer numbers names: "(1) name" at the first use, "(1)" after it.
type namer struct {
	full bool
	ids  map[string]int
}

func (n *namer) ref(name string) string {
	if n.full {
		return name
	}
	if id, ok := n.ids[name]; ok {
		return fmt.Sprintf("(%d)", id)
	}
	if n.ids == nil {
		n.ids = map[string]int{}
	}
	n.ids[name] = len(n.ids) + 1
	return fmt.Sprintf("(%d) %s", len(n.ids), name)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Callgrind writes the tree in callgrind's format. A stack becomes a chain of calls, each with the values of the stack, which count
// for the innermost function as its own.
func (t *Tree) Callgrind(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# callgrind format\nversion: 1\ncreator: xtree-1\npid: %d\ncmd: %s\n\npositions: line\n", t.PID, t.Command)
	for _, e := range t.Events {
		fmt.Fprintf(&b, "event: %s : %s\n", e.Name, e.Text)
	}
	b.WriteString("events:")
	for _, e := range t.Events {
		b.WriteString(" " + e.Name + " ")
	}
	b.WriteByte('\n')
	files, fns := &namer{full: t.Full}, &namer{full: t.Full}
	totals := make([]uint64, len(t.Events))
	for i := range t.Entries {
		e := &t.Entries[i]
		var values strings.Builder
		for j, v := range e.Values {
			totals[j] += v
			fmt.Fprintf(&values, " %d", v)
		}
		if values.Len() == 0 || len(e.Frames) == 0 {
			continue
		}
		for j := len(e.Frames) - 1; j >= 0; j-- {
			f := &e.Frames[j]
			fmt.Fprintf(&b, "fl=%s\nfn=%s\n", files.ref(or(f.File, unknownFile)), fns.ref(or(f.Fn, unknownFn)))
			if j == 0 {
				fmt.Fprintf(&b, "%d%s\n\n", f.Line, values.String())
				break
			}
			c := &e.Frames[j-1]
			fmt.Fprintf(&b, "%d\ncfi=%s\ncfn=%s\ncalls=0 %d\n%d%s\n", f.Line, files.ref(or(c.File, unknownFile)), fns.ref(or(c.Fn, unknownFn)),
				c.Line, f.Line, values.String())
		}
	}
	b.WriteString("totals:")
	for _, v := range totals {
		fmt.Fprintf(&b, " %d", v)
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}
