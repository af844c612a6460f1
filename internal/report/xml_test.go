package report

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/report/grammar"
	"gogrind/internal/suppress"
)

// newXML returns a report and the name of its file.
func newXML(t *testing.T) (*XML, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "xml")
	x, err := OpenXML(Target{File: file}, 7485, nil, "Memcheck", func(n int) string { return strings.Repeat("<w", n-1) })
	if err != nil {
		t.Fatal(err)
	}
	return x, file
}

var times = regexp.MustCompile(`<time>[0-9:.]+ </time>`)

// TestXML is a whole report, compared with Valgrind's of the same run.
func TestXML(t *testing.T) {
	x, file := newXML(t)
	x.thread = nil
	set := suppress.NewSet(suppress.Memcheck)
	if err := set.Parse(strings.NewReader("{\none\nMemcheck:Addr1\nfun:inl\nfun:f\nfun:main\n}\n"), "s"); err != nil {
		t.Fatal(err)
	}
	r, done := newTest(t, Config{Verbosity: 1, Sink: x, GenSuppressions: "all", Suppressions: set, ErrorLimit: true})
	x.Begin(&XMLHead{Protocol: 4, Tool: "memcheck", Lines: []string{"Memcheck, a memory error detector", "Command: ./a x<y>&\"z"}, Parent: 6983,
		Comment: "a <b/> &amp; c", Exe: "/usr/bin/valgrind.bin", Options: []string{"--xml=yes", "--xml-fd=1", "--leak-check=full",
			"--gen-suppressions=all", "--xml-user-comment=a <b/> &amp; c", "--suppressions=s.supp"}, Command: []string{"./a", "x<y>&\"z"}})
	for _, f := range faults() {
		r.Report(f)
	}
	x.Ended()
	r.Unique(&Finding{Kind: "Leak_DefinitelyLost", SuppKind: "Leak", LeakKind: 1, LeakedBytes: 4, LeakedBlocks: 1, Thread: 1,
		Text: "4 bytes in 1 blocks are definitely lost in loss record 1 of 1", PCs: calls(0x48417B4, 0x1091E9)}, true, true)
	r.Summary()
	if err := grammar.Check([]byte(read(t, file))); err != nil {
		t.Error(err)
	}
	golden(t, "report.xml", times.ReplaceAllString(read(t, file), "<time>T</time>"))
	if log := done(); log != "" {
		t.Errorf("log beside the XML:\n%s", log)
	}
}

// TestXMLWellFormed: whatever bytes names hold, readers get a document.
func TestXMLWellFormed(t *testing.T) {
	x, file := newXML(t)
	odd := "a]]>\x00\xff<&>\"'\n\t\u00e9\ufffe"
	x.Begin(&XMLHead{Protocol: 4, Tool: odd, Lines: []string{odd}, Exe: odd, Options: []string{odd}, Command: []string{odd, odd}})
	f := Frame{Fn: odd, RawFn: odd, Obj: odd, Dir: odd, File: odd, Line: 3}
	noLine := Frame{Fn: odd, Dir: odd, File: odd}
	e := &Entry{Finding: Finding{Kind: odd, Text: odd, Thread: 2, Aux: []Aux{{Text: odd}}}, Frames: []Frame{f, noLine, {}}, AuxFrames: [][]Frame{nil}}
	x.Found(e, e.suppression(e.Frames))
	x.Ended()
	rule := &suppress.Rule{Name: odd}
	rule.Use(2)
	x.Finished(Counts{}, []*Entry{e}, []*suppress.Rule{rule})
	in := read(t, file)
	if err := grammar.Check([]byte(in)); err != nil {
		t.Fatalf("%v in\n%s", err, in)
	}
	if strings.Count(in, "<dir>") != 2 || strings.Count(in, "<line>") != 3 || !strings.Contains(in, "<threadname>&lt;w</threadname>") {
		t.Error(in)
	}
}

func TestXMLCut(t *testing.T) {
	x, file := newXML(t)
	r, done := newTest(t, Config{Sink: x, ExitOnFirst: true, Exit: func() {}})
	r.Report(&Finding{Kind: "K", Text: "x", PCs: []guest.Addr{1}})
	if got := read(t, file); !strings.HasSuffix(got, "</error>\n\n</valgrindoutput>\n\n") {
		t.Error(got)
	}
	if got := done(); !strings.Contains(got, "Exit program on first error") {
		t.Error(got)
	}
}

func TestXMLTargets(t *testing.T) {
	if _, err := OpenXML(Target{File: "/nonexist/a"}, 1, nil, "", nil); err == nil || err.Error() != "Cannot create XML file '/nonexist/a': No such file or directory" {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "log")
	l, err := OpenLog(Target{File: file}, 3, false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := OpenXML(Target{FD: 977}, 3, l, "", nil); err != nil {
		t.Fatal(err)
	}
	if got := read(t, file); got != "==3== Valgrind: failed to move XML file descriptor into safe range, using stderr\n" {
		t.Error(got)
	}
	child := filepath.Join(t.TempDir(), "child")
	x, _ := newXML(t)
	if err := x.Forked(9, child, false); err != nil {
		t.Fatal(err)
	}
	x.Begin(&XMLHead{Protocol: 4, Command: []string{"x"}})
	if got := read(t, child); !strings.Contains(got, "<pid>9</pid>") {
		t.Error(got)
	}
	if _, err := os.Stat(child); err != nil {
		t.Error(err)
	}
}

// TestXMLMessages: what the guest prints and how it ends.
func TestXMLMessages(t *testing.T) {
	x, file := newXML(t)
	stack := []Frame{{PC: 0x10, Fn: "f", Obj: "/a"}}
	x.Message(2, "a<b\n", nil)
	x.Message(1, "here", stack)
	x.Fatal(&FatalSignal{Thread: 1, Signal: 11, Code: 1, Name: "SIGSEGV", Event: "Access not within mapped region", Addr: 0x1f}, stack)
	x.Fatal(&FatalSignal{Thread: 3, Signal: 6, Code: -6, Name: "SIGABRT"}, nil)
	const frame = "  <stack>\n    <frame>\n      <ip>0x10</ip>\n      <obj>/a</obj>\n      <fn>f</fn>\n    </frame>\n  </stack>\n"
	want := "<clientmsg>\n  <tid>2</tid>\n  <text>a&lt;b\n</text>\n</clientmsg>\n" +
		"<clientmsg>\n  <tid>1</tid>\n  <text>here</text>\n" + frame + "</clientmsg>\n" +
		"<fatal_signal>\n  <tid>1</tid>\n  <signo>11</signo>\n  <signame>SIGSEGV</signame>\n  <sicode>1</sicode>\n" +
		"  <event>Access not within mapped region</event>\n  <siaddr>0x1F</siaddr>\n" + frame + "</fatal_signal>\n\n" +
		"<fatal_signal>\n  <tid>3</tid>\n  <signo>6</signo>\n  <signame>SIGABRT</signame>\n  <sicode>-6</sicode>\n</fatal_signal>\n\n"
	if got := read(t, file); got != want+tail {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestXMLProtocols: what each protocol has and what it has not.
func TestXMLProtocols(t *testing.T) {
	for protocol := 4; protocol <= 6; protocol++ {
		t.Run(fmt.Sprint(protocol), func(t *testing.T) {
			x, file := newXML(t)
			r, done := newTest(t, Config{Verbosity: 1, Sink: x})
			x.Begin(&XMLHead{Tool: "memcheck", Lines: []string{"Memcheck"}, Protocol: protocol, Exe: "v", Command: []string{"p"}})
			for i, kind := range []string{"InvalidRead", "ReallocSizeZero", "InvalidAlignment", "MismatchedAllocateDeallocateSize", "FdBadUse"} {
				r.Report(&Finding{Kind: kind, Text: "x", Thread: 1, PCs: []guest.Addr{guest.Addr(i) + 1},
					Aux: []Aux{{Text: "declared at f.c:3", File: "f.c", Line: 3}}})
			}
			x.Descriptor(1, 5, "/a<b", "Open file descriptor 5: /a<b", []Frame{{PC: 1}})
			x.Ended()
			r.HeapSummary(HeapSummary{InUse: Amount{10, 2}, Allocs: 3, Frees: 1, Bytes: 30})
			r.LeakSummary(LeakSummary{Definite: Amount{1, 2}, Indirect: Amount{3, 4}, Possible: Amount{5, 6}, Reachable: Amount{7, 8},
				Suppressed: Amount{9, 10}, Heuristics: []Heuristic{{"newarray", Amount{11, 12}}}})
			r.Summary()
			done()
			doc := read(t, file)
			if err := grammar.Check([]byte(doc)); err != nil {
				t.Fatalf("%v in\n%s", err, doc)
			}
			for what, since := range map[string]int{
				"<kind>FdNotClosed</kind>\n  <fd>5</fd>\n  <path>/a&lt;b</path>": 5, "<kind>ReallocSizeZero</kind>": 5, "<kind>FdBadUse</kind>": 5,
				"<kind>InvalidRead</kind>": 4, "<xauxwhat><text>declared at f.c:3</text> <file>f.c</file> <line>3</line> </xauxwhat>": 4,
				"<heap_summary>\n  <memory_in_use_at_exit>\n    <bytes>10</bytes>\n    <blocks>2</blocks>":                                      6,
				"<all_heap_blocks_freed>false</all_heap_blocks_freed>":                                                                          6,
				"<still_reachable>\n    <bytes>7</bytes>\n    <in_blocks>8</in_blocks>\n    <reachable_heuristic>\n      <kind>newarray</kind>": 6,
				"<error_summary>\n  <errors>5</errors>\n  <error_contexts>5</error_contexts>":                                                   6,
			} {
				if strings.Contains(doc, what) != (protocol >= since) {
					t.Errorf("%s: %v in\n%s", what, protocol < since, doc)
				}
			}
		})
	}
}

// TestXMLAlways: a file is a document after each piece, also when a forked process writes to it, and whoever ends first.
func TestXMLAlways(t *testing.T) {
	x, file := newXML(t)
	check := func(when string) {
		t.Helper()
		if err := grammar.Check([]byte(read(t, file))); err != nil {
			t.Errorf("%s: %v in\n%s", when, err, read(t, file))
		}
	}
	r, done := newTest(t, Config{Verbosity: 1, Sink: x})
	x.Begin(&XMLHead{Tool: "memcheck", Protocol: 4, Exe: "v", Command: []string{"p"}})
	check("head")
	find := func(r *Reporter, pc guest.Addr) {
		r.Report(&Finding{Kind: "InvalidRead", Text: "x", Thread: 1, PCs: []guest.Addr{pc}})
	}
	find(r, 1)
	check("finding")
	child := *x
	child.out = &Log{fd: x.out.fd, pid: 77}
	if err := child.Forked(78, "", false); err != nil {
		t.Fatal(err)
	}
	rc, doneChild := newTest(t, Config{Verbosity: 1, Sink: &child})
	find(rc, 2)
	find(r, 3)
	check("two processes")
	child.Ended()
	rc.Summary()
	check("end of the child")
	x.Exec()
	check("exec")
	x.Ended()
	r.Summary()
	check("end")
	if got := strings.Count(read(t, file), "<error>"); got != 3 {
		t.Errorf("%d findings", got)
	}
	done()
	doneChild()
}

// TestXMLStream: what can't be overwritten is ended once.
func TestXMLStream(t *testing.T) {
	rd, wr, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	x, err := OpenXML(Target{FD: int(wr.Fd())}, 5, nil, "Memcheck", nil)
	if err != nil {
		t.Fatal(err)
	}
	wr.Close()
	x.Begin(&XMLHead{Tool: "memcheck", Protocol: 4, Exe: "v", Command: []string{"p"}})
	x.Ended()
	x.Finished(Counts{}, nil, nil)
	x.out.Close()
	b, err := io.ReadAll(rd)
	if err != nil {
		t.Fatal(err)
	}
	if err := grammar.Check(b); err != nil || strings.Count(string(b), "</valgrindoutput>") != 1 {
		t.Errorf("%v in\n%s", err, b)
	}
}
