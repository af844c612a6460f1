package massif

import (
	"bufio"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gogrind/internal/guest"
	"gogrind/internal/report"
)

// Roots of trees.
const (
	heapRoot = "(heap allocation functions) malloc/new/new[], --alloc-fns, etc."
	pageRoot = "(page allocation syscalls) mmap/mremap/brk, --alloc-fns, etc."
)

// leaf is a context with the bytes that it had at the time of a snapshot.
type leaf struct {
	pcs   []guest.Addr
	bytes uint64
}

// branch is what has a call in common at one level of a tree, or, without leaves, the rest below the threshold.
type branch struct {
	pc     guest.Addr
	bytes  uint64
	leaves []leaf
	places int // branches that the rest consists of
}

// tree writes trees of allocations.
type tree struct {
	w         *bufio.Writer
	threshold float64 // percent
	least     uint64  // bytes
	names     func(pc guest.Addr) []string
}

// write writes the tree of leaves, which are sorted by addresses: lines "nCHILDREN: BYTES NAME", indented by one for each level.
func (t *tree) write(root string, leaves []leaf, total uint64) {
	var bytes uint64
	for i := range leaves {
		bytes += leaves[i].bytes
	}
	t.least = uint64(float64(total) * t.threshold / 100)
	if bytes == 0 && t.threshold > 0 {
		t.least = 1 // places without memory show where there is some elsewhere, however little
	}
	below := t.branches(leaves, 0)
	fmt.Fprintf(t.w, "n%d: %d %s\n", len(below), bytes, root)
	t.level(below, 0, 1)
}

// branches divides leaves by their call at depth.
func (t *tree) branches(leaves []leaf, depth int) []branch {
	var out []branch
	rest := branch{}
	for i := 0; i < len(leaves); {
		if len(leaves[i].pcs) <= depth {
			i++ // the program's outermost call that is known: nothing is below
			continue
		}
		b := branch{pc: leaves[i].pcs[depth]}
		j := i
		for ; j < len(leaves) && leaves[j].pcs[depth] == b.pc; j++ {
			b.bytes += leaves[j].bytes
		}
		b.leaves = leaves[i:j]
		i = j
		if b.bytes < t.least {
			rest.bytes += b.bytes
			rest.places++
			continue
		}
		out = append(out, b)
	}
	if rest.places > 0 {
		out = append(out, rest)
	}
	slices.SortStableFunc(out, func(a, b branch) int { return cmp.Compare(b.bytes, a.bytes) })
	return out
}

func (t *tree) level(branches []branch, depth, indent int) {
	space := strings.Repeat(" ", indent)
	for i := range branches {
		b := &branches[i]
		if b.leaves == nil {
			places := "places, all"
			if b.places == 1 {
				places = "place,"
			}
			fmt.Fprintf(t.w, "%sn0: %d in %d %s below massif's threshold (%.2f%%)\n", space, b.bytes, b.places, places, t.threshold)
			continue
		}
		below := t.branches(b.leaves, depth+1)
		// Inlined calls are levels of their own, with one branch.
		names := t.names(b.pc)
		for j, n := range names {
			children := 1
			if j == len(names)-1 {
				children = len(below)
			}
			fmt.Fprintf(t.w, "%s%*sn%d: %d 0x%X: %s\n", space, j, "", children, b.bytes, uint64(b.pc), n)
		}
		t.level(below, depth+1, indent+len(names))
	}
}

// describe are the names of the function at pc and of what is inlined there, innermost first.
func (m *Massif) describe(pc guest.Addr) []string {
	var out []string
	for _, f := range m.contexts.resolved(pc) {
		f := report.Frame(f)
		out = append(out, m.view.Describe(&f))
	}
	return out
}

// leaves are the contexts of d in the given order.
func (c *contexts) leaves(d *detail, order []int32) []leaf {
	sums := d.sums(len(c.list))
	out := make([]leaf, 0, d.places)
	for _, i := range order {
		if c.list[i].first <= d.places {
			out = append(out, leaf{c.list[i].pcs, sums[i].bytes})
		}
	}
	return out
}
