// Package cgfile reads and writes cachegrind.out files: event counts by source file, function and line.
//
// It knows the format and the arithmetic on profiles (sum, difference), not what events mean nor how they are shown. Counts are
// signed, as differences of profiles are files, too. A Profile is not safe for concurrent use.
package cgfile

import (
	"fmt"
	"sort"
	"strings"
)

// Unknown is the name of files and functions that debug information does not tell.
const Unknown = "???"

// Profile is the contents of a file.
type Profile struct {
	Desc   []string // the "desc:" lines without that word
	Cmd    string
	Events []string
	Funcs  []*Func // in the order in which they first appeared
	// Summary are the totals as the file has them, one for each event. Total computes them.
	Summary []int64

	index map[key]*Func
}

type key struct{ file, name string }

// Func is a function: the lines of one source file that belong to it.
type Func struct {
	File, Name string
	Lines      map[int][]int64 // line number (0: unknown) to counts, one for each event
}

// New returns a profile of the given events without counts.
func New(events []string) *Profile {
	return &Profile{Events: events, Summary: make([]int64, len(events)), index: map[key]*Func{}}
}

// Func returns the function of that name in file, adding it when it is new.
func (p *Profile) Func(file, name string) *Func {
	k := key{file, name}
	f := p.index[k]
	if f == nil {
		f = &Func{File: file, Name: name, Lines: map[int][]int64{}}
		p.index[k] = f
		p.Funcs = append(p.Funcs, f)
	}
	return f
}

// At returns the counts of a line of f for adding to; there are as many as the profile has events.
func (f *Func) At(line, events int) []int64 {
	c := f.Lines[line]
	if c == nil {
		c = make([]int64, events)
		f.Lines[line] = c
	}
	return c
}

// Total is the sum of all counts.
func (p *Profile) Total() []int64 {
	sum := make([]int64, len(p.Events))
	for _, f := range p.Funcs {
		for _, c := range f.Lines {
			Add(sum, c)
		}
	}
	return sum
}

// Total is the sum of f's counts for that many events.
func (f *Func) Total(events int) []int64 {
	sum := make([]int64, events)
	for _, c := range f.Lines {
		Add(sum, c)
	}
	return sum
}

// SortedLines are the numbers of f's lines in ascending order.
func (f *Func) SortedLines() []int {
	lines := make([]int, 0, len(f.Lines))
	for n := range f.Lines {
		lines = append(lines, n)
	}
	sort.Ints(lines)
	return lines
}

// Add adds b to a, event by event.
func Add(a, b []int64) {
	for i, n := range b {
		a[i] += n
	}
}

// Sort orders the functions by file and name, as Valgrind writes them.
func (p *Profile) Sort() {
	sort.Slice(p.Funcs, func(i, j int) bool {
		a, b := p.Funcs[i], p.Funcs[j]
		if a.File != b.File {
			return a.File < b.File
		}
		return a.Name < b.Name
	})
}

// Accumulate adds sign times the counts of o to p. The events must be the same.
func (p *Profile) Accumulate(o *Profile, sign int64) error {
	if strings.Join(p.Events, " ") != strings.Join(o.Events, " ") {
		return fmt.Errorf("cgfile: events %q and %q don't match", strings.Join(p.Events, " "), strings.Join(o.Events, " "))
	}
	for _, f := range o.Funcs {
		to := p.Func(f.File, f.Name)
		for n, c := range f.Lines {
			sum := to.At(n, len(p.Events))
			for i, x := range c {
				sum[i] += sign * x
			}
		}
	}
	for i, x := range o.Summary {
		p.Summary[i] += sign * x
	}
	return nil
}

// Renamed returns p with the names of files and functions changed; what gets equal names is added up.
func (p *Profile) Renamed(file, name func(string) string) *Profile {
	q := New(p.Events)
	q.Desc, q.Cmd = p.Desc, p.Cmd
	copy(q.Summary, p.Summary)
	for _, f := range p.Funcs {
		to := q.Func(file(f.File), name(f.Name))
		for n, c := range f.Lines {
			Add(to.At(n, len(p.Events)), c)
		}
	}
	return q
}

// Folded returns p without lines: all counts of a function are line 0's. Differences are made of such profiles, as the lines
// of two versions of a program don't correspond.
func (p *Profile) Folded() *Profile {
	q := New(p.Events)
	q.Desc, q.Cmd = p.Desc, p.Cmd
	copy(q.Summary, p.Summary)
	for _, f := range p.Funcs {
		Add(q.Func(f.File, f.Name).At(0, len(p.Events)), f.Total(len(p.Events)))
	}
	return q
}
