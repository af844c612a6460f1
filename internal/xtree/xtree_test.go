package xtree

import (
	"strings"
	"testing"
)

func sample() *Tree {
	f := func(pc uint64, fn, file string, line int) Frame {
		return Frame{PC: pc, Fn: fn, File: file, Line: line, Text: fn + " (x)"}
	}
	main := f(0x10, "main", "/d/a.c", 6)
	return &Tree{
		PID: 7, Command: "./a b", Time: 12, Events: []Event{{"curB", "current Bytes"}, {"curBk", "current Blocks"}},
		Entries: []Entry{
			{[]Frame{f(0x20, "mk", "/d/a.c", 4), main}, []uint64{49, 4}},
			{[]Frame{main}, []uint64{300, 1}},
			{[]Frame{f(0x20, "mk", "/d/a.c", 4), {PC: 0x30, Text: "???"}, main}, []uint64{1, 1}},
			{nil, []uint64{5, 1}}, // stacks that were not kept count in the totals only
		},
	}
}

func TestCallgrind(t *testing.T) {
	const head = "# callgrind format\nversion: 1\ncreator: xtree-1\npid: 7\ncmd: ./a b\n\npositions: line\nevent: curB : current Bytes\n" +
		"event: curBk : current Blocks\nevents: curB  curBk \n"
	want := head + "fl=(1) /d/a.c\nfn=(1) main\n6\ncfi=(1)\ncfn=(2) mk\ncalls=0 4\n6 49 4\nfl=(1)\nfn=(2)\n4 49 4\n\n" +
		"fl=(1)\nfn=(1)\n6 300 1\n\n" +
		"fl=(1)\nfn=(1)\n6\ncfi=(2) UnknownFile???\ncfn=(3) UnknownFn???\ncalls=0 0\n6 1 1\nfl=(2)\nfn=(3)\n0\ncfi=(1)\ncfn=(2)\ncalls=0 4\n0 1 1\n" +
		"fl=(1)\nfn=(2)\n4 1 1\n\ntotals: 355 7\n"
	var b strings.Builder
	if err := sample().Callgrind(&b); err != nil || b.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", err, b.String(), want)
	}
	full := sample()
	full.Full = true
	b.Reset()
	if err := full.Callgrind(&b); err != nil || strings.Contains(b.String(), "(1)") || strings.Count(b.String(), "fn=main\n") != 3 {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestMassif(t *testing.T) {
	want := "desc: xtree.produce_report\ncmd: ./a b\ntime_unit: ms\n" +
		"#-----------\nsnapshot=0\n#-----------\ntime=12\nmem_heap_B=355\nmem_heap_extra_B=0\nmem_stacks_B=0\nheap_tree=detailed\n" +
		"n2: 355 curB : current Bytes\n n0: 300 0x10: main (x)\n n2: 50 0x20: mk (x)\n  n0: 49 0x10: main (x)\n  n1: 1 0x30: ???\n   n0: 1 0x10: main (x)\n" +
		"#-----------\nsnapshot=1\n#-----------\ntime=12\nmem_heap_B=7\nmem_heap_extra_B=0\nmem_stacks_B=0\nheap_tree=detailed\n" +
		"n2: 7 curBk : current Blocks\n n2: 5 0x20: mk (x)\n  n0: 4 0x10: main (x)\n  n1: 1 0x30: ???\n   n0: 1 0x10: main (x)\n n0: 1 0x10: main (x)\n"
	var b strings.Builder
	if err := sample().Massif(&b); err != nil || b.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", err, b.String(), want)
	}
}
