package report

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gogrind/internal/guest"
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
	x.Begin(&XMLHead{Tool: "memcheck", Lines: []string{"Memcheck, a memory error detector", "Command: ./a x<y>&\"z"}, Parent: 6983,
		Comment: "a <b/> &amp; c", Exe: "/usr/bin/valgrind.bin", Options: []string{"--xml=yes", "--xml-fd=1", "--leak-check=full",
			"--gen-suppressions=all", "--xml-user-comment=a <b/> &amp; c", "--suppressions=s.supp"}, Command: []string{"./a", "x<y>&\"z"}})
	for _, f := range faults() {
		r.Report(f)
	}
	x.Ended()
	r.Unique(&Finding{Kind: "Leak_DefinitelyLost", SuppKind: "Leak", LeakKind: 1, LeakedBytes: 4, LeakedBlocks: 1, Thread: 1,
		Text: "4 bytes in 1 blocks are definitely lost in loss record 1 of 1", PCs: calls(0x48417B4, 0x1091E9)}, true, true)
	r.Summary()
	golden(t, "report.xml", times.ReplaceAllString(read(t, file), "<time>T</time>"))
	if log := done(); log != "" {
		t.Errorf("log beside the XML:\n%s", log)
	}
}

// TestXMLWellFormed: whatever bytes names hold, readers get a document.
func TestXMLWellFormed(t *testing.T) {
	x, file := newXML(t)
	odd := "a]]>\x00\xff<&>\"'\n\t\u00e9\ufffe"
	x.Begin(&XMLHead{Tool: odd, Lines: []string{odd}, Exe: odd, Options: []string{odd}, Command: []string{odd, odd}})
	f := Frame{Fn: odd, RawFn: odd, Obj: odd, Dir: odd, File: odd, Line: 3}
	noLine := Frame{Fn: odd, Dir: odd, File: odd}
	e := &Entry{Finding: Finding{Kind: odd, Text: odd, Thread: 2, Aux: []Aux{{Text: odd}}}, Frames: []Frame{f, noLine, {}}, AuxFrames: [][]Frame{nil}}
	x.Found(e, e.suppression(e.Frames))
	x.Ended()
	rule := &suppress.Rule{Name: odd}
	rule.Use(2)
	x.Finished([]*Entry{e}, []*suppress.Rule{rule})
	in := read(t, file)
	d := xml.NewDecoder(strings.NewReader(in))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, in)
		}
	}
	if strings.Count(in, "<dir>") != 1 || strings.Count(in, "<line>") != 2 || !strings.Contains(in, "<threadname>&lt;w</threadname>") {
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
	x.Begin(&XMLHead{Command: []string{"x"}})
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
		"  <event>Access not within mapped region</event>\n  <siaddr>0x1f</siaddr>\n" + frame + "</fatal_signal>\n\n" +
		"<fatal_signal>\n  <tid>3</tid>\n  <signo>6</signo>\n  <signame>SIGABRT</signame>\n  <sicode>-6</sicode>\n</fatal_signal>\n\n"
	if got := read(t, file); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
