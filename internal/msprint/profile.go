package msprint

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"gogrind/internal/profile"
)

// errNoTree says that there is nothing to make a profile from.
var errNoTree = errors.New("the file has no detailed snapshot")

// peak is the snapshot that profiles are made from: the peak, or without one the largest detailed one.
func (f *File) peak() (*Snapshot, error) {
	var best *Snapshot
	for i := range f.Snapshots {
		s := &f.Snapshots[i]
		if s.Peak {
			return s, nil
		}
		if s.Tree != nil && (best == nil || s.Total() > best.Total()) {
			best = s
		}
	}
	if best == nil {
		return nil, errNoTree
	}
	return best, nil
}

// call is how Massif writes a call: "0x1234: name (file:line)", "0x1234: name (in /path/object)". Names have parentheses
// themselves.
var (
	callText = regexp.MustCompile(`^0x([0-9A-Fa-f]+): (.*)$`)
	place    = regexp.MustCompile(`^(.*) \(([^()]*?)(?::([0-9]+))?\)$`)
)

// parseCall reads the text of a node. What is no call, such as the rest below the threshold, is a name without address.
func parseCall(text string) (addr uint64, fr profile.Frame) {
	m := callText.FindStringSubmatch(text)
	if m == nil {
		return 0, profile.Frame{Function: belowThreshold}
	}
	addr, _ = strconv.ParseUint(m[1], 16, 64)
	fr.Function = m[2]
	if p := place.FindStringSubmatch(m[2]); p != nil {
		fr.Function, fr.File = p[1], p[2]
		fr.Line, _ = strconv.Atoi(p[3])
		if obj, ok := strings.CutPrefix(p[2], "in "); ok && p[3] == "" {
			fr.File = ""
			if fr.Function == unknown {
				fr.Function = "[" + filepath.Base(obj) + "]"
			}
		}
	}
	if fr.Function == unknown {
		fr.Function = "[unknown]"
	}
	return addr, fr
}

// unknown is how Massif writes the name of a function that has none.
const unknown = "???"

// belowThreshold stands for what Massif has added up because it was little.
const belowThreshold = "[below threshold]"

// leaves calls visit for each amount that no child of a node accounts for, with the nodes from the outermost call to the
// allocation: the trees of Massif's are upside down.
func leaves(n *Node, path []*Node, visit func(path []*Node, bytes uint64)) {
	path = append(path, n)
	var below uint64
	for _, c := range n.Children {
		below += c.Bytes
		leaves(c, path, visit)
	}
	if n.Bytes > below {
		visit(path, n.Bytes-below)
	}
}

// Profile is the peak for go tool pprof. Massif's files don't say how many blocks there were.
func (f *File) Profile() (*profile.Builder, error) {
	s, err := f.peak()
	if err != nil {
		return nil, err
	}
	b := profile.New([]profile.Value{{Type: "inuse_space", Unit: "bytes"}}, "inuse_space")
	b.Comment(f.Cmd)
	label := map[string]int64{"snapshot": int64(s.Number)}
	leaves(s.Tree, nil, func(path []*Node, bytes uint64) {
		var stack []profile.Call
		last := uint64(0)
		for _, n := range path[1:] {
			addr, fr := parseCall(n.Text)
			// Inlined calls are nodes with the address of the function that they are inlined into, which comes next.
			if k := len(stack); k > 0 && addr != 0 && addr == last {
				stack[k-1].Frames = append(stack[k-1].Frames, fr)
				continue
			}
			stack = append(stack, profile.Call{Addr: addr, Frames: []profile.Frame{fr}})
			last = addr
		}
		b.Add(stack, label, int64(bytes))
	})
	return b, nil
}

func (f *File) writeProfile(name string) error {
	b, err := f.Profile()
	if err != nil {
		return err
	}
	w, err := os.Create(name)
	if err != nil {
		return err
	}
	err = b.Write(w)
	if e := w.Close(); err == nil {
		err = e
	}
	return err
}

// Folded writes the stacks of the peak for flame graphs.
func (f *File) Folded(w io.Writer) error {
	s, err := f.peak()
	if err != nil {
		return err
	}
	var out profile.Folded
	leaves(s.Tree, nil, func(path []*Node, bytes uint64) {
		var names []string
		for _, n := range path[1:] {
			_, fr := parseCall(n.Text)
			names = append(names, fr.Function)
		}
		out.Add(names, bytes)
	})
	return out.Write(w)
}
