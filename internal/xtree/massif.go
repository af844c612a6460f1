package xtree

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// node is a call in massif's form of the tree: roots are the innermost calls.
type node struct {
	text     string
	value    uint64
	children []*node
}

func (n *node) child(f *Frame) *node {
	text := fmt.Sprintf("0x%X: %s", f.PC, f.Text)
	for _, c := range n.children {
		if c.text == text {
			return c
		}
	}
	c := &node{text: text}
	n.children = append(n.children, c)
	return c
}

// Massif writes one detailed snapshot for each event.
func (t *Tree) Massif(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "desc: xtree.produce_report\ncmd: %s\ntime_unit: ms\n", t.Command)
	for i, ev := range t.Events {
		root := &node{text: ev.Name + " : " + ev.Text}
		for j := range t.Entries {
			e := &t.Entries[j]
			n := root
			root.value += e.Values[i]
			for k := range e.Frames {
				n = n.child(&e.Frames[k])
				n.value += e.Values[i]
			}
		}
		fmt.Fprintf(&b, "#-----------\nsnapshot=%d\n#-----------\ntime=%d\nmem_heap_B=%d\nmem_heap_extra_B=0\nmem_stacks_B=0\nheap_tree=detailed\n",
			i, t.Time, root.value)
		root.write(&b, 0)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (n *node) write(b *strings.Builder, depth int) {
	slices.SortStableFunc(n.children, func(x, y *node) int { return cmp.Compare(y.value, x.value) })
	fmt.Fprintf(b, "%*sn%d: %d %s\n", depth, "", len(n.children), n.value, n.text)
	for _, c := range n.children {
		c.write(b, depth+1)
	}
}
