package dwarf

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
)

// tree is the functions with code of a unit and the calls inlined into them, in the order of the file.
type tree struct {
	nodes  []node
	ranges []span
	// tops are the ranges of the nodes that are in no other, in order. Where some overlap, there are none and all nodes are looked at.
	tops  []top
	names []names // of nodes, as far as somebody has asked
}

// top is a range of a node.
type top struct {
	span
	node int32
}

// names are those of a function.
type names struct {
	known         bool
	name, linkage string
}

type span struct{ lo, hi uint64 }

// node is a function or an inlined call.
type node struct {
	die          uint64 // offset in .debug_info
	first, count int32  // in tree.ranges
	end          int32  // index of the first node that is not inside this one
	callLine     int32
	callFile     int32
	inlined      bool
}

// maxRanges bounds the ranges of one unit: entries of damaged input may share a long list. Real units have some ten
// thousand.
const maxRanges = 1 << 22

// maxNesting bounds how deep entries may nest; compilers stay below 100.
const maxNesting = 4096

// loadTree parses the unit's entries, nil when they are damaged.
func (u *unit) loadTree() *tree {
	if u.tree != nil || u.noTree {
		return u.tree
	}
	if u.loadRoot() == nil {
		u.noTree = true
		return nil
	}
	t, err := u.parseTree()
	if err != nil {
		// What was read before the damage still counts.
		u.warn(err)
	}
	t.index()
	u.tree = t
	return t
}

// index makes tops.
func (t *tree) index() {
	for i := int32(0); i < int32(len(t.nodes)); i = max(t.nodes[i].end, i+1) {
		n := &t.nodes[i]
		for _, r := range t.ranges[n.first : n.first+n.count] {
			t.tops = append(t.tops, top{r, i})
		}
	}
	slices.SortFunc(t.tops, func(a, b top) int { return cmp.Compare(a.lo, b.lo) })
	for i := 1; i < len(t.tops); i++ {
		if t.tops[i].lo < t.tops[i-1].hi {
			t.tops = nil
			return
		}
	}
}

// around are the nodes to look at for pc, and an address up to which they are the same.
func (t *tree) around(pc uint64) (from, to int32, end uint64) {
	if t.tops == nil {
		return 0, int32(len(t.nodes)), math.MaxUint64
	}
	i := sort.Search(len(t.tops), func(i int) bool { return t.tops[i].hi > pc })
	switch {
	case i == len(t.tops):
		return 0, 0, math.MaxUint64
	case t.tops[i].lo > pc:
		return 0, 0, t.tops[i].lo
	}
	n := t.tops[i].node
	return n, max(t.nodes[n].end, n+1), t.tops[i].hi
}

// parseTree walks the unit's entries once.
func (u *unit) parseTree() (t *tree, err error) {
	t = new(tree)
	tab := u.data.abbrevTable(u.abbrevOff)
	info := u.data.prefix(".debug_info", u.end)
	c := NewCursor(info[:min(u.end, uint64(len(info)))], u.die)
	var open []int32 // for each open level the node it belongs to, -1 when none
	defer func() {
		for i := range t.nodes {
			if t.nodes[i].end == 0 {
				t.nodes[i].end = int32(len(t.nodes))
			}
		}
	}()
	for c.Len() > 0 {
		off := c.Pos()
		code := c.Uleb()
		if code == 0 {
			if len(open) == 0 {
				continue // padding after the root entry
			}
			if n := open[len(open)-1]; n >= 0 {
				t.nodes[n].end = int32(len(t.nodes))
			}
			if open = open[:len(open)-1]; len(open) == 0 {
				return t, nil
			}
			continue
		}
		a := tab.get(code)
		if a == nil {
			return t, fmt.Errorf("entry at %#x: abbreviation %d is missing", off, code)
		}
		n, skipTo, err := u.entry(&c, a, off, t)
		if err != nil {
			return t, fmt.Errorf("entry at %#x: %w", off, err)
		}
		switch {
		case !a.children:
			if n >= 0 {
				t.nodes[n].end = int32(len(t.nodes))
			}
			if len(open) == 0 {
				return t, nil
			}
		case skipTo > c.Pos() && skipTo <= u.end:
			c.Skip(skipTo - c.Pos())
		default:
			if len(open) >= maxNesting {
				return t, fmt.Errorf("entry at %#x: nested too deep", off)
			}
			open = append(open, n)
		}
	}
	return t, nil
}

// entry reads the attributes of one entry. It returns the node made of it, or -1, and where to go on when nothing inside
// the entry is of interest.
func (u *unit) entry(c *Cursor, a *abbrev, off uint64, t *tree) (n int32, skipTo uint64, err error) {
	interesting := a.tag == tagSubprogram || a.tag == tagInlined
	var low, high, ranges value
	var hasHigh, abstract bool
	nd := node{die: off, inlined: a.tag == tagInlined}
	for _, f := range a.fields {
		if f.attr == atSibling && !mayHoldCode[a.tag] && !interesting {
			v, err := u.value(c, f)
			if err != nil {
				return -1, 0, err
			}
			if w, at := u.ref(v); w == u {
				skipTo = at
			}
			continue
		}
		if !interesting {
			if err := u.skip(c, f); err != nil {
				return -1, 0, err
			}
			continue
		}
		v, err := u.value(c, f)
		if err != nil {
			return -1, 0, err
		}
		switch f.attr {
		case atSibling:
			if w, at := u.ref(v); w == u {
				skipTo = at
			}
		case atLowPC:
			low = v
		case atHighPC:
			high, hasHigh = v, true
		case atRanges:
			ranges = v
		case atCallFile:
			nd.callFile = int32(v.u)
		case atCallLine:
			nd.callLine = int32(v.u)
		case atInline, atDeclaration:
			abstract = true
		}
	}
	if c.Bad() {
		return -1, 0, errCut
	}
	if !interesting {
		return -1, skipTo, nil
	}
	first := len(t.ranges)
	if len(t.ranges) > maxRanges {
		return -1, 0, errors.New("too many ranges")
	}
	if err := u.eachRange(low, high, hasHigh, ranges, func(lo, hi uint64) {
		if lo > 1 {
			t.ranges = append(t.ranges, span{lo, hi})
		}
	}); err != nil {
		u.warn(err)
	}
	nd.first, nd.count = int32(first), int32(len(t.ranges)-first)
	if nd.count == 0 {
		if !abstract {
			skipTo = 0 // an odd shape: look inside
		}
		return -1, skipTo, nil
	}
	t.nodes = append(t.nodes, nd)
	return int32(len(t.nodes) - 1), 0, nil
}

// mayHoldCode has the tags inside which functions with code may stand: units, namespaces, modules, lexical and other
// blocks, and (in languages with nested functions) functions themselves. Everything else is passed over where the
// compiler tells its end.
var mayHoldCode = map[uint16]bool{
	tagCompileUnit: true, tagPartialUnit: true, tagSkeletonUnit: true, tagSubprogram: true, tagInlined: true,
	0x39: true, // namespace
	0x1e: true, // module
	0x0b: true, // lexical_block
	0x32: true, // try_block
	0x25: true, // catch_block
	0x22: true, // with_stmt
	0x03: true, // entry_point
	// Rust and Go nest functions in types that stand for their namespace.
	0x13: true, // structure_type
	0x02: true, // class_type
	0x17: true, // union_type
	0x04: true, // enumeration_type
	0x33: true, // variant_part
	0x19: true, // variant
}

// contains reports whether pc is in n. The same is true of all addresses up to end.
func (t *tree) contains(n *node, pc uint64) (in bool, end uint64) {
	end = math.MaxUint64
	for _, r := range t.ranges[n.first : n.first+n.count] {
		switch {
		case pc < r.lo:
			end = min(end, r.lo)
		case pc < r.hi:
			in, end = true, min(end, r.hi)
		}
	}
	return in, end
}

// calls appends the functions active at pc, innermost first; at is the position of pc. They are the same up to end.
func (t *tree) calls(u *unit, pc uint64, at Position, calls []Call) (_ []Call, end uint64) {
	i, last, end := t.around(pc)
	var room [16]int32
	chain := room[:0]
	for i < last {
		n := &t.nodes[i]
		in, e := t.contains(n, pc)
		end = min(end, e)
		if !in {
			// A function nested in this one may still hold pc; inlined calls may not.
			if n.inlined {
				i = n.end
			} else {
				i++
			}
			continue
		}
		if !n.inlined {
			chain = chain[:0]
		}
		chain = append(chain, i)
		i++
	}
	// Siblings can't overlap in sound input; in unsound input the chain is still a list of distinct calls.
	for i := len(chain) - 1; i >= 0; i-- {
		n := &t.nodes[chain[i]]
		c := Call{Position: at, Inlined: n.inlined}
		c.Name, c.Linkage = t.name(u, chain[i])
		calls = append(calls, c)
		if n.inlined {
			at = Position{Line: int(n.callLine)}
			if lt := u.fileTable(); lt != nil {
				at.Dir, at.File = lt.file(uint64(n.callFile))
			}
		}
	}
	return calls, end
}

// name is the names of node i of u.
func (t *tree) name(u *unit, i int32) (name, linkage string) {
	if t.names == nil {
		t.names = make([]names, len(t.nodes))
	}
	n := &t.names[i]
	if !n.known {
		n.known = true
		n.name, n.linkage = u.name(t.nodes[i].die, 0)
	}
	return n.name, n.linkage
}

// maxOrigins bounds a chain of references from an entry to the one that has its name.
const maxOrigins = 16

// name finds the names of the entry at off, following references to its abstract origin or specification.
func (u *unit) name(off uint64, depth int) (name, linkage string) {
	if depth > maxOrigins {
		return "", ""
	}
	u.loadRoot()
	info := u.data.prefix(".debug_info", u.end)
	c := NewCursor(info[:min(u.end, uint64(len(info)))], off)
	a := u.data.abbrevTable(u.abbrevOff).get(c.Uleb())
	if a == nil {
		return "", ""
	}
	var next value
	for _, f := range a.fields {
		v, err := u.value(&c, f)
		if err != nil || c.Bad() {
			return name, linkage
		}
		switch f.attr {
		case atName:
			name = u.str(v)
		case atLinkageName, atMIPSLinkage:
			linkage = u.str(v)
		case atAbstractOrigin, atSpecification:
			next = v
		}
	}
	if next.form != 0 && (name == "" || linkage == "") {
		if w, at := u.ref(next); w != nil {
			n, l := w.name(at, depth+1)
			if name == "" {
				name = n
			}
			if linkage == "" {
				linkage = l
			}
		}
	}
	return name, linkage
}
