// Package msprint shows what Massif wrote: a graph of memory over time, a table of the snapshots and the trees of the
// detailed ones. It also turns such files into profiles for go tool pprof and into folded stacks.
//
// It reads the files of Valgrind's Massif and of ours, which have the same format. It knows nothing of running programs.
package msprint

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// File is a file of Massif's.
type File struct {
	Desc     string // Massif's own arguments, "(none)" if there were none
	Cmd      string
	TimeUnit string // i, ms or B

	Snapshots []Snapshot
}

// Snapshot is the memory in use at one moment.
type Snapshot struct {
	Number              int
	Time                uint64
	Heap, Extra, Stacks uint64
	Peak                bool
	Tree                *Node // nil in plain snapshots
}

// Total is all memory of the snapshot.
func (s *Snapshot) Total() uint64 { return s.Heap + s.Extra + s.Stacks }

// Node is a line of a tree: an amount and the call that it is put down to.
type Node struct {
	Bytes    uint64
	Text     string // "0x1234: main (prog.c:5)"
	Children []*Node
}

// Bounds of what a file may make us allocate.
const (
	maxLine  = 1 << 20 // C++ names may be long
	maxDepth = 4096    // --depth goes to 200, inlined calls add to it
)

// errEnd says that a file ends too early.
var errEnd = errors.New("the file ends too early")

// reader reads lines.
type reader struct {
	sc    *bufio.Scanner
	line  int
	again bool // the current line is to be read once more
}

// next reads a line that is no comment.
func (r *reader) next() (string, bool) {
	if r.again {
		r.again = false
		return r.sc.Text(), true
	}
	for r.sc.Scan() {
		r.line++
		if t := r.sc.Text(); !strings.HasPrefix(t, "#") {
			return t, true
		}
	}
	return "", false
}

// field reads a line that has to begin with key, and returns the rest.
func (r *reader) field(key string) (string, error) {
	t, ok := r.next()
	if !ok {
		return "", r.ended()
	}
	v, ok := strings.CutPrefix(t, key)
	if !ok {
		return "", fmt.Errorf("found %.40q instead of %q", t, key)
	}
	return v, nil
}

func (r *reader) ended() error {
	if err := r.sc.Err(); err != nil {
		return err
	}
	return errEnd
}

// number reads a line of a key and a number.
func (r *reader) number(key string, p *uint64) error {
	v, err := r.field(key)
	if err != nil {
		return err
	}
	if *p, err = strconv.ParseUint(v, 10, 64); err != nil {
		return fmt.Errorf("%q is no number after %q", v, key)
	}
	return nil
}

// Read reads a file.
func Read(in io.Reader) (*File, error) {
	r := &reader{sc: bufio.NewScanner(in)}
	r.sc.Buffer(nil, maxLine)
	f := &File{}
	if err := f.read(r); err != nil {
		return nil, fmt.Errorf("line %d: %w", r.line, err)
	}
	return f, nil
}

func (f *File) read(r *reader) error {
	for _, h := range []struct {
		key string
		p   *string
	}{{"desc:", &f.Desc}, {"cmd:", &f.Cmd}, {"time_unit:", &f.TimeUnit}} {
		v, err := r.field(h.key)
		if err != nil {
			return err
		}
		*h.p = strings.TrimPrefix(v, " ")
	}
	if _, ok := units[f.TimeUnit]; !ok {
		return fmt.Errorf("unknown unit of time %q", f.TimeUnit)
	}
	for {
		if _, ok := r.next(); !ok {
			break
		}
		r.again = true
		var s Snapshot
		if err := s.read(r); err != nil {
			return err
		}
		f.Snapshots = append(f.Snapshots, s)
	}
	if len(f.Snapshots) == 0 {
		return r.ended()
	}
	return r.sc.Err()
}

func (s *Snapshot) read(r *reader) error {
	var n uint64
	for _, l := range []struct {
		key string
		p   *uint64
	}{{"snapshot=", &n}, {"time=", &s.Time}, {"mem_heap_B=", &s.Heap}, {"mem_heap_extra_B=", &s.Extra}, {"mem_stacks_B=", &s.Stacks}} {
		if err := r.number(l.key, l.p); err != nil {
			return err
		}
	}
	s.Number = int(n)
	kind, err := r.field("heap_tree=")
	if err != nil {
		return err
	}
	switch kind {
	case "empty":
		return nil
	case "peak":
		s.Peak = true
	case "detailed":
	default:
		return fmt.Errorf("unknown kind of tree %q", kind)
	}
	s.Tree, err = readNode(r, 0)
	return err
}

// readNode reads a line "nCHILDREN: BYTES TEXT", indented by depth, and those of its children.
func readNode(r *reader, depth int) (*Node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("tree deeper than %d", maxDepth)
	}
	t, ok := r.next()
	if !ok {
		return nil, r.ended()
	}
	count, rest, ok1 := strings.Cut(strings.TrimLeft(t, " "), ": ")
	bytes, text, ok2 := strings.Cut(rest, " ")
	digits, ok3 := strings.CutPrefix(count, "n")
	if !ok1 || !ok2 || !ok3 {
		return nil, fmt.Errorf("%.40q is no line of a tree", t)
	}
	children, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("%.40q is no line of a tree", t)
	}
	n := &Node{Text: text}
	if n.Bytes, err = strconv.ParseUint(bytes, 10, 64); err != nil {
		return nil, fmt.Errorf("%.40q is no line of a tree", t)
	}
	for range children {
		c, err := readNode(r, depth+1)
		if err != nil {
			return nil, err
		}
		n.Children = append(n.Children, c)
	}
	return n, nil
}
