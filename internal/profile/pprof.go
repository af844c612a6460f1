// Package profile renders what profilers measure for other programs: as profiles for go tool pprof and as folded stacks for
// flame graphs.
//
// It knows neither tools nor guests: callers give names, lines and numbers. Nothing is summed up in profiles beyond what the
// caller adds.
package profile

import (
	"compress/gzip"
	"fmt"
	"io"
	"time"

	"github.com/google/pprof/profile"
)

// Value is one kind of number that samples have.
type Value struct{ Type, Unit string }

// Mapping is a piece of the address space that a file is mapped to.
type Mapping struct {
	Start, End, Offset uint64
	File, BuildID      string
}

// Frame is a function at a source line.
type Frame struct {
	Function string // as shown
	Linkage  string // as in the symbol table; may be empty
	File     string // with its directory, if known
	Line     int
}

// Call is one step of a stack: an address, or without one a place that is known by name only.
type Call struct {
	Addr   uint64
	Frames []Frame // the function last, what is inlined there before it, innermost first
}

// Builder collects samples.
type Builder struct {
	p         profile.Profile
	byAddr    map[uint64]*profile.Location
	byPlace   map[string]*profile.Location
	functions map[Frame]*profile.Function
}

// New returns a builder for samples with the given values. Viewers show the one of type first at the beginning.
func New(values []Value, first string) *Builder {
	b := &Builder{
		byAddr: map[uint64]*profile.Location{}, byPlace: map[string]*profile.Location{}, functions: map[Frame]*profile.Function{},
	}
	b.p.DefaultSampleType = first
	for _, v := range values {
		b.p.SampleType = append(b.p.SampleType, &profile.ValueType{Type: v.Type, Unit: v.Unit})
	}
	return b
}

// Times sets when the measured run began and how long it took.
func (b *Builder) Times(start time.Time, d time.Duration) {
	b.p.TimeNanos, b.p.DurationNanos = start.UnixNano(), int64(d)
}

// Comment adds a line that viewers show with the profile.
func (b *Builder) Comment(s string) { b.p.Comments = append(b.p.Comments, s) }

// Map makes a mapping known. All of them must be known before the first sample; the program's own comes first. Calls whose source
// line is not known refer to them.
func (b *Builder) Map(m Mapping) {
	b.p.Mapping = append(b.p.Mapping, &profile.Mapping{
		ID: uint64(len(b.p.Mapping) + 1), Start: m.Start, Limit: m.End, Offset: m.Offset, File: m.File, BuildID: m.BuildID,
		HasFunctions: true, HasFilenames: true, HasLineNumbers: true, HasInlineFrames: true,
	})
}

// Add adds a sample. stack is innermost first; labels may be nil.
func (b *Builder) Add(stack []Call, labels map[string]int64, values ...int64) {
	s := &profile.Sample{Value: values}
	for _, c := range stack {
		s.Location = append(s.Location, b.location(c))
	}
	if len(labels) > 0 {
		s.NumLabel = map[string][]int64{}
		for k, v := range labels {
			s.NumLabel[k] = []int64{v}
		}
	}
	b.p.Sample = append(b.p.Sample, s)
}

func (b *Builder) location(c Call) *profile.Location {
	if c.Addr != 0 {
		l := b.byAddr[c.Addr]
		if l == nil {
			l = b.newLocation(c)
			b.byAddr[c.Addr] = l
		}
		return l
	}
	k := fmt.Sprintf("%#v", c.Frames)
	l := b.byPlace[k]
	if l == nil {
		l = b.newLocation(c)
		b.byPlace[k] = l
	}
	return l
}

func (b *Builder) newLocation(c Call) *profile.Location {
	l := &profile.Location{ID: uint64(len(b.p.Location) + 1), Address: c.Addr}
	// go tool pprof shows the source of a location that has a mapping by disassembling the mapping's file, and finds lines in Go's
	// executables only: others would have an empty page. So what has lines gets none; disassembly remains for the rest.
	if !sourced(c.Frames) {
		for _, m := range b.p.Mapping {
			if c.Addr >= m.Start && c.Addr < m.Limit {
				l.Mapping = m
				break
			}
		}
	}
	for _, f := range c.Frames {
		l.Line = append(l.Line, profile.Line{Function: b.function(f), Line: int64(f.Line)})
	}
	b.p.Location = append(b.p.Location, l)
	return l
}

// sourced reports whether the innermost line is known.
func sourced(frames []Frame) bool {
	return len(frames) > 0 && frames[0].File != "" && frames[0].Line > 0
}

func (b *Builder) function(f Frame) *profile.Function {
	f.Line = 0
	fn := b.functions[f]
	if fn == nil {
		linkage := f.Linkage
		if linkage == "" {
			linkage = f.Function
		}
		fn = &profile.Function{ID: uint64(len(b.p.Function) + 1), Name: f.Function, SystemName: linkage, Filename: f.File}
		b.functions[f] = fn
		b.p.Function = append(b.p.Function, fn)
	}
	return fn
}

// Write writes the profile, compressed, as pprof reads it.
func (b *Builder) Write(w io.Writer) error {
	if err := b.p.CheckValid(); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	// Package profile would compress as much as it can: twice the time for 15 % less, at the end of every process.
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	if err := b.p.WriteUncompressed(z); err != nil {
		return err
	}
	return z.Close()
}
