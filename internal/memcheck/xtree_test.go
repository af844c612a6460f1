package memcheck

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/leak"
	"gogrind/internal/tool"
)

// TestMemoryTree: what --xtree-memory counts, by stacks without the replaced function.
func TestMemoryTree(t *testing.T) {
	for mode, want := range map[string]string{
		"full": "fl=(1) prog.c\nfn=(1) main\n5\ncfi=(1)\ncfn=(2) make\ncalls=0 7\n5 30 1 85 3 0 0\nfl=(1)\nfn=(2)\n7 30 1 85 3 0 0\n\n" +
			"fl=(1)\nfn=(1)\n5\ncfi=(1)\ncfn=(3) use\ncalls=0 9\n5 0 0 0 0 40 1\nfl=(1)\nfn=(3)\n9 0 0 0 0 40 1\n\n" +
			"fl=(1)\nfn=(1)\n5 60 1 60 1 15 1\n\ntotals: 90 2 145 4 55 2\n",
		"allocs": "fl=(1) prog.c\nfn=(1) main\n5\ncfi=(1)\ncfn=(2) make\ncalls=0 7\n5 30 1\nfl=(1)\nfn=(2)\n7 30 1\n\nfl=(1)\nfn=(1)\n5 60 1\n\ntotals: 90 2\n",
	} {
		t.Run(mode, func(t *testing.T) {
			m, h, th := start(t)
			file := filepath.Join(t.TempDir(), "tree.kcg")
			h.opt.XtreeMemory, h.opt.XtreeMemoryFile, h.opt.XtreeCompress = mode, file, true
			h.alloc(m, th, heapBase+0x1000, 30)
			h.alloc(m, th, heapBase+0x2000, 40)
			h.free(m, th, heapBase+0x2000)
			h.alloc(m, th, heapBase+0x3000, 15)
			// realloc, called by main
			th.pcs = []guest.Addr{0x500001, 0x400106}
			old := h.blocks[2]
			b := tool.HeapBlock{Addr: heapBase + 0x4000, Size: 60, Alloc: m.NewStack(th)}
			h.blocks[2] = b
			old.Freed = true
			m.Resized(th, old, b)
			m.memoryTree("xtree-memory-file", file)
			got := readTree(t, file)
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if !strings.Contains(h.text(), "xtree memory report: "+file+"\n") {
				t.Errorf("log:\n%s", h.text())
			}
		})
	}
}

// readTree is a tree's file from the first stack on.
func readTree(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if !strings.HasPrefix(text, "# callgrind format\nversion: 1\ncreator: xtree-1\npid: 42\n") {
		t.Errorf("head of\n%s", text)
	}
	return text[strings.Index(text, "fl="):]
}

// TestMassifTree: the name decides about the format.
func TestMassifTree(t *testing.T) {
	m, h, th := start(t)
	file := filepath.Join(t.TempDir(), "tree.ms")
	h.opt.XtreeMemory, h.opt.XtreeMemoryFile = "full", file
	h.alloc(m, th, heapBase+0x1000, 30)
	m.memoryTree("xtree-memory-file", file)
	b, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(b), "n1: 30 curB : currently allocated Bytes\n n1: 30 0x400107: make (prog.c:7)\n  n0: 30 0x400105: main (prog.c:5)\n") {
		t.Errorf("%v\n%s", err, b)
	}
}

// TestLeakTree: columns of records, and of what changed.
func TestLeakTree(t *testing.T) {
	m, _, th := start(t)
	m.opts.xtreeLeak = true
	was := th.pcs
	th.pcs = mallocPCs
	id := m.NewStack(th)
	th.pcs = mallocPCs[:2]
	other := m.NewStack(th)
	th.pcs = was
	tree := leakTree{m.newTree(leakEvents), map[uint32]int{}}
	none := &leak.Record{}
	tree.add(m, &leak.Record{Kind: leak.Definite, Stack: id, Bytes: 100, Indirect: 20, Blocks: 2}, none)
	tree.add(m, &leak.Record{Kind: leak.Reachable, Stack: id, Bytes: 7, Blocks: 1}, &leak.Record{Bytes: 10, Blocks: 3})
	tree.add(m, &leak.Record{Kind: leak.Indirect, Stack: other, Bytes: 20, Blocks: 1}, none)
	want := []map[string]uint64{
		{"DB": 120, "DIB": 20, "DBk": 2, "iDB": 120, "iDIB": 20, "iDBk": 2, "RB": 7, "RBk": 1, "dRB": 3, "dRBk": 2},
		{"IB": 20, "IBk": 1, "iIB": 20, "iIBk": 1},
	}
	if len(tree.Entries) != len(want) {
		t.Fatalf("%d stacks", len(tree.Entries))
	}
	for i, e := range tree.Entries {
		for j, v := range e.Values {
			if name := leakEvents[j].Name; v != want[i][name] {
				t.Errorf("record %d: %s is %d, want %d", i, name, v, want[i][name])
			}
		}
		if len(e.Frames) != 3-i || e.Frames[0].Fn != "malloc" {
			t.Errorf("record %d: %v", i, e.Frames)
		}
	}
}
