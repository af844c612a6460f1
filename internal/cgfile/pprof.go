package cgfile

import (
	"io"
	"time"

	"gogrind/internal/profile"
)

// WritePprof writes p as a profile for go tool pprof: a sample for each line, with a value for each event. Lines have no
// addresses in these files, so that pprof can't disassemble.
func (p *Profile) WritePprof(w io.Writer, started time.Time, took time.Duration) error {
	values := make([]profile.Value, len(p.Events))
	for i, e := range p.Events {
		values[i] = profile.Value{Type: e, Unit: "count"}
	}
	b := profile.New(values, p.Events[0])
	if !started.IsZero() {
		b.Times(started, took)
	}
	for _, d := range p.Desc {
		b.Comment(d)
	}
	b.Comment("Command: " + p.Cmd)
	for _, f := range p.Funcs {
		file := f.File
		if file == Unknown {
			file = ""
		}
		for _, n := range f.SortedLines() {
			b.Add([]profile.Call{{Frames: []profile.Frame{{Function: f.Name, File: file, Line: n}}}}, nil, f.Lines[n]...)
		}
	}
	return b.Write(w)
}
