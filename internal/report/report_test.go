package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/suppress"
)

// The addresses and names of testdata/faults.c as compiled when its expected output was captured from Valgrind 3.19.
const (
	preload = "/usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so"
	libc    = "/usr/lib/x86_64-linux-gnu/libc.so.6"
)

func at(fn, pos string, inlined bool) Frame {
	f := Frame{Fn: fn, RawFn: fn, Obj: "/home/u/a", Dir: "/home/u", Inlined: inlined}
	f.File, _, _ = strings.Cut(pos, ":")
	fmt.Sscanf(pos[len(f.File):], ":%d", &f.Line)
	return f
}

var names = map[guest.Addr][]Frame{
	0x1091BB:  {at("inl", "a.c:5", true), at("f", "a.c:6", true), at("main", "a.c:10", false)},
	0x109190:  {at("inl", "a.c:5", true), at("f", "a.c:6", true), at("rec", "a.c:7", false)},
	0x1091A0:  {at("rec", "a.c:7", false)},
	0x1091DB:  {at("main", "a.c:11", false)},
	0x1091B7:  {at("main", "a.c:9", false)},
	0x1091ED:  {at("main", "a.c:12", false)},
	0x1091FE:  {at("main", "a.c:13", false)},
	0x1091F6:  {at("main", "a.c:13", false)},
	0x109179:  {at("inl", "a.c:5", true), at("f", "a.c:6", true), at("th", "a.c:8", false)},
	0x48E41F4: {{Fn: "start_thread", RawFn: "start_thread", Obj: libc, Dir: "./nptl/./nptl", File: "pthread_create.c", Line: 442}},
	0x4963B4F: {{Fn: "clone", RawFn: "clone", Obj: libc, Dir: "./misc/../sysdeps/unix/sysv/linux/x86_64", File: "clone.S", Line: 100}},
	0x1091E9:  {at("main", "a.c:12", false)},
	0x48417B4: {{Fn: "malloc", RawFn: "malloc", Obj: preload}},
	0x484417B: {{Fn: "free", RawFn: "free", Obj: preload}},
	0x4882249: {at("__libc_start_call_main", "libc_start_call_main.h:58", false)},
	0x4882304: {at("__libc_start_main@@GLIBC_2.34", "libc-start.c:360", false)},
	0x1090B0:  {{Fn: "_start", RawFn: "_start", Obj: "/home/u/a", Offset: 32}},
	0x109284:  {{Obj: "/home/u/ccs"}},
	0x10F000:  {{Fn: "ns::get(long)", RawFn: "_ZN2ns3getEl", Obj: "/home/u/cc", Offset: 18}},
}

// table is a Symbolizer over names.
type table struct{}

func (table) Frames(pc guest.Addr, _ uint32, callSite bool, buf []Frame) []Frame {
	if callSite {
		pc--
	}
	return append(buf, names[pc]...)
}

// interned is a Stacks.
type interned map[uint32][]guest.Addr

func (s interned) Get(id uint32) ([]guest.Addr, uint32) { return s[id], 0 }

// calls makes a stack of the addresses that a log shows: callers get one more, as return addresses are.
func calls(shown ...guest.Addr) []guest.Addr {
	for i := 1; i < len(shown); i++ {
		shown[i]++
	}
	return shown
}

var below = []guest.Addr{0x4882249, 0x4882304, 0x1090B0, 0x1FFF000727, 0x37}

// newTest returns a reporter and a function that closes its log and returns what was written.
func newTest(t *testing.T, cfg Config) (*Reporter, func() string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "log")
	l, err := OpenLog(Target{File: file}, 7485, false)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Symbols = table{}
	if cfg.SuppTool == "" {
		cfg.SuppTool = "Memcheck"
	}
	if cfg.View.NumCallers == 0 {
		cfg.View.NumCallers = 12
	}
	return New(l, cfg), func() string {
		l.Close()
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
}

// faults are the findings of the captured run in their order, but for the leak.
func faults() []*Finding {
	block := func(what string) []Aux {
		aux := []Aux{{Text: "Address 0x4a4004a is 0 bytes after a block of size 10 " + what, PCs: calls(0x48417B4, 0x1091B7)}}
		if what == "free'd" {
			aux[0].PCs = calls(0x484417B, 0x1091F6)
			aux = append(aux, Aux{Text: "Block was alloc'd at", PCs: calls(0x48417B4, 0x1091B7)})
		}
		return aux
	}
	twice := &Finding{Kind: "InvalidFree", SuppKind: "Free", Text: "Invalid free() / delete / delete[] / realloc()", Thread: 1,
		PCs: calls(append([]guest.Addr{0x484417B, 0x1091FE}, below...)...), Aux: block("free'd")}
	twice.Aux[0].Text = "Address 0x4a40040 is 0 bytes inside a block of size 10 free'd"
	return []*Finding{
		{Kind: "InvalidRead", SuppKind: "Addr1", Text: "Invalid read of size 1", Thread: 1,
			PCs: calls(append([]guest.Addr{0x1091BB}, below...)...), Aux: block("alloc'd")},
		{Kind: "InvalidRead", SuppKind: "Addr1", Text: "Invalid read of size 1", Thread: 1,
			PCs: calls(append([]guest.Addr{0x109190, 0x1091A0, 0x1091A0, 0x1091A0, 0x1091A0, 0x1091A0, 0x1091DB}, below...)...),
			Aux: block("alloc'd")},
		{Kind: "UninitCondition", SuppKind: "Cond", Text: "Conditional jump or move depends on uninitialised value(s)",
			Thread: 1, PCs: calls(append([]guest.Addr{0x1091ED}, below...)...)},
		twice,
		{Kind: "InvalidRead", SuppKind: "Addr1", Text: "Invalid read of size 1", Thread: 2,
			PCs: calls(0x109179, 0x48E41F4, 0x4963B4F), Aux: block("free'd")},
	}
}

// golden compares got with a file whose content was captured from Valgrind.
func golden(t *testing.T, name, got string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s", name, diff(got, string(want)))
	}
}

// diff marks the first line that differs.
func diff(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			g[i] = ">>> " + g[i]
			if i < len(w) {
				g[i] += "\n<<< " + w[i]
			}
			break
		}
	}
	return strings.Join(g, "\n")
}

// TestList is the whole of a run with -s.
func TestList(t *testing.T) {
	r, done := newTest(t, Config{Verbosity: 1, ShowList: true, ErrorLimit: true})
	for _, f := range faults() {
		r.Report(f)
	}
	r.Summary()
	golden(t, "list.txt", done())
}

func TestGenSuppressions(t *testing.T) {
	r, done := newTest(t, Config{GenSuppressions: "all"})
	for _, f := range faults() {
		r.Report(f)
	}
	r.Summary() // nothing with verbosity 0
	golden(t, "gen.txt", done())
}

// TestPrompt answers n, Y, c to the question for a suppression.
func TestPrompt(t *testing.T) {
	pr, pw, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pr.Close()
	pw.WriteString("n\nY\nc\n")
	pw.Close()
	r, done := newTest(t, Config{GenSuppressions: "yes", InputFD: int(pr.Fd())})
	for _, f := range faults() {
		r.Report(f)
	}
	golden(t, "prompt.txt", done())
}

// TestSuppressBelowMain: suppressions see calls that are not shown.
func TestSuppressBelowMain(t *testing.T) {
	for callers, want := range map[string]bool{
		"fun:main\nfun:(below main)":                           true,
		"fun:main\nfun:__libc_start_call_main":                 false,
		"fun:main\nfun:*\nfun:*\nfun:(below main)":             true,
		"fun:main\nsrc:libc_start_call_main.h:58":              true,
		"fun:main\nfun:*\nfun:*\nobj:*/a\nobj:*\nobj:*":        true,
		"fun:main\nfun:*\nfun:*\nobj:*/a\nobj:*\nobj:*\nobj:*": false,
	} {
		set := suppress.NewSet(suppress.Memcheck)
		if err := set.Parse(strings.NewReader("{\nx\nMemcheck:Cond\n"+callers+"\n}\n"), "s"); err != nil {
			t.Fatal(err)
		}
		r, done := newTest(t, Config{Suppressions: set})
		r.Report(faults()[2])
		if got := done() == ""; got != want {
			t.Errorf("%q: %v", callers, got)
		}
	}
}

func TestUsedSuppressions(t *testing.T) {
	set := suppress.NewSet(suppress.Memcheck)
	file, err := os.Open("testdata/all.supp")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := set.Parse(file, "t.supp"); err != nil {
		t.Fatal(err)
	}
	r, done := newTest(t, Config{Verbosity: 1, ShowList: true, Suppressions: set})
	for _, f := range faults() {
		r.Report(f)
	}
	leak := &Finding{Kind: "Leak_DefinitelyLost", SuppKind: "Leak", LeakKind: 1, LeakedBytes: 4, LeakedBlocks: 1, Thread: 1,
		Text: "4 bytes in 1 blocks are definitely lost in loss record 1 of 1", PCs: calls(0x48417B4, 0x1091DB)}
	if !r.Unique(leak, true, true) {
		t.Error("leak is not suppressed")
	}
	r.Summary()
	golden(t, "used.txt", done())
}

// TestUnique: leaks count as contexts but are not in the list at the end.
func TestUnique(t *testing.T) {
	r, done := newTest(t, Config{Verbosity: 1})
	leak := &Finding{Kind: "Leak_DefinitelyLost", SuppKind: "Leak", Text: "4 bytes in 1 blocks are definitely lost in loss record 1 of 1",
		PCs: calls(0x48417B4, 0x1091B7), Thread: 1}
	r.Report(faults()[4])
	r.Unique(leak, true, true)
	r.Unique(leak, false, true)
	r.Unique(leak, true, false)
	if c := r.Counts(); c != (Counts{Errors: 3, Contexts: 3, Shown: 3}) {
		t.Errorf("%+v", c)
	}
	got := done()
	if strings.Count(got, "==7485== Thread 1:\n==7485== 4 bytes in 1") != 1 || strings.Count(got, "definitely lost") != 2 {
		t.Error(got)
	}
	if len(r.Entries()) != 1 {
		t.Error("unique findings are kept")
	}
}

func TestDuplicates(t *testing.T) {
	r, done := newTest(t, Config{Verbosity: 1, ErrorLimit: true})
	f := faults()[1]
	filled := 0
	f.Fill = func(*Finding) { filled++ }
	for range 5 {
		r.Report(f)
	}
	deeper := *f
	deeper.PCs = append([]guest.Addr(nil), f.PCs...)
	deeper.PCs[4] += 16 // beyond the calls that are compared
	r.Report(&deeper)
	deeper.PCs[3] += 16
	r.Report(&deeper)
	other := *f
	other.Text = "Invalid read of size 2"
	r.Report(&other)
	other.Key = "same"
	r.Report(&other)
	other.Text = "Invalid read at another address"
	r.Report(&other)
	if c := r.Counts(); c.Errors != 10 || c.Contexts != 4 || filled != 4 {
		t.Errorf("%+v, filled %d", c, filled)
	}
	done()
}

// TestInterned: findings may name stacks by id.
func TestInterned(t *testing.T) {
	r, done := newTest(t, Config{Stacks: interned{3: calls(0x1091ED)}})
	r.Report(&Finding{Kind: "K", Text: "x", Stack: 3, Aux: []Aux{{Text: "y", Stack: 3}, {Text: "z"}}})
	want := "==7485== x\n==7485==    at 0x1091ED: main (a.c:12)\n==7485==  y\n==7485==    at 0x1091ED: main (a.c:12)\n==7485==  z\n==7485== \n"
	if got := done(); got != want {
		t.Errorf("got\n%s", got)
	}
}

// TestLimits: the messages and places are those of Valgrind for 1100 different errors, and for 10,000,100 equal ones.
func TestLimits(t *testing.T) {
	r, done := newTest(t, Config{Verbosity: 1, ErrorLimit: true})
	for i := range guest.Addr(1100) {
		r.Report(&Finding{Kind: "InvalidRead", Text: "Invalid read", PCs: []guest.Addr{0x1000 + i}})
	}
	r.Summary()
	got := done()
	parts := []string{
		"==7485==    at 0x1063: ???\n==7485== \n==7485== \n" +
			"==7485== More than 100 errors detected.  Subsequent errors\n" +
			"==7485== will still be recorded, but in less detail than before.\n" +
			"==7485== Invalid read\n==7485==    at 0x1064: ???\n",
		"==7485==    at 0x13E7: ???\n==7485== \n==7485== \n" +
			"==7485== More than 1000 different errors detected.  I'm not reporting any more.\n" +
			"==7485== Final error counts will be inaccurate.  Go fix your program!\n" +
			"==7485== Rerun with --error-limit=no to disable this cutoff.  Note\n" +
			"==7485== that errors may occur in your program without prior warning from\n" +
			"==7485== Valgrind, because errors are no longer being displayed.\n" +
			"==7485== \n" +
			"==7485== For lists of detected and suppressed errors, rerun with: -s\n" +
			"==7485== ERROR SUMMARY: 1000 errors from 1000 contexts (suppressed: 0 from 0)\n",
	}
	for _, p := range parts {
		if !strings.Contains(got, p) {
			t.Errorf("not in the log:\n%s", p)
		}
	}

	r, done = newTest(t, Config{Verbosity: 1, ErrorLimit: true})
	f := &Finding{Kind: "InvalidRead", Text: "Invalid read", PCs: []guest.Addr{0x1000}}
	r.Report(f)
	r.counts.Errors = stopAfterFound
	r.Report(f)
	r.Report(f)
	if got := done(); strings.Count(got, "==7485== More than 10000000 total errors detected.  I'm not reporting any more.\n") != 1 || r.Counts().Errors != stopAfterFound {
		t.Errorf("%d errors, log\n%s", r.Counts().Errors, got)
	}

	r, done = newTest(t, Config{})
	for i := range guest.Addr(1100) {
		r.Report(&Finding{Kind: "InvalidRead", Text: "Invalid read", PCs: []guest.Addr{0x1000 + i}})
	}
	if got := done(); strings.Contains(got, "More than 1000 ") || !strings.Contains(got, "More than 100 errors detected.") || r.Counts().Errors != 1100 {
		t.Errorf("--error-limit=no: %d errors, log\n%s", r.Counts().Errors, got)
	}
}

// TestSlow: after 100 findings only two calls are compared.
func TestSlow(t *testing.T) {
	r, done := newTest(t, Config{ErrorLimit: true})
	for i := range guest.Addr(101) {
		r.Report(&Finding{Kind: "K", Text: "x", PCs: []guest.Addr{1, 2, 3 + i}})
	}
	if c := r.Counts(); c.Contexts != 100 || c.Errors != 101 {
		t.Errorf("%+v", c)
	}
	done()
}

func TestExitOnFirst(t *testing.T) {
	exits := 0
	r, done := newTest(t, Config{ExitOnFirst: true, Exit: func() { exits++ }})
	r.Report(faults()[2])
	want := "==7485== \n==7485== \n==7485== Exit program on first error (--exit-on-first-error=yes)\n"
	if got := done(); exits != 1 || !strings.HasSuffix(got, want) {
		t.Errorf("%d exits, log\n%s", exits, got)
	}
}

func TestMarkersAndNames(t *testing.T) {
	var shown []uint64
	r, done := newTest(t, Config{Markers: true, MarkBegin: "B", MarkEnd: "E",
		ThreadName: func(n int) string { return strings.Repeat("w", n-1) }, Shown: func(n uint64) { shown = append(shown, n) }})
	r.Report(faults()[4])
	r.Report(faults()[2])
	r.Message(1, "", calls(0x1))
	r.Message(2, "\nProcess terminating", calls(0x1, 0x4882249))
	want := "==7485== B\n==7485== Thread 2 w:\n==7485== Invalid read of size 1\n"
	got := done()
	if !strings.HasPrefix(got, want) || !strings.Contains(got, "\n==7485== \n==7485== E\n==7485== B\n==7485== Thread 1:\n==7485== Cond") ||
		!strings.HasSuffix(got, "E\n==7485==    at 0x1: ???\n==7485== Thread 2 w:\n==7485== \n==7485== Process terminating\n==7485==    at 0x1: ???\n==7485==    by 0x4882249: (below main) (libc_start_call_main.h:58)\n") {
		t.Error(got)
	}
	if len(shown) != 2 || shown[1] != 2 {
		t.Error(shown)
	}
}

func TestView(t *testing.T) {
	full := calls(0x1091BB, 0x4882249, 0x4882304, 0x1090B0, 0x1FFF000727, 0x37)
	rows := []struct {
		name string
		v    View
		pcs  []guest.Addr
		want string
	}{
		{"main ends a stack", View{}, full, "0x1091BB: inl (a.c:5)|0x1091BB: f (a.c:6)|0x1091BB: main (a.c:10)"},
		{"--show-below-main", View{ShowBelowMain: true}, full,
			"0x1091BB: inl (a.c:5)|0x1091BB: f (a.c:6)|0x1091BB: main (a.c:10)|" +
				"0x4882249: __libc_start_call_main (libc_start_call_main.h:58)|" +
				"0x4882304: __libc_start_main@@GLIBC_2.34 (libc-start.c:360)|0x1090B0: _start (in /home/u/a)|0x1FFF000727: ???|0x37: ???"},
		{"stripped", View{}, calls(0x109284, 0x4882249, 0x4882304, 0x1090B0),
			"0x109284: ??? (in /home/u/ccs)|0x4882249: (below main) (libc_start_call_main.h:58)"},
		{"no main", View{}, calls(0x1091A0, 0x1090B0), "0x1091A0: rec (a.c:7)|0x1090B0: (below main) (in /home/u/a)"},
		{"a starter with a version", View{}, calls(0x1091A0, 0x4882304, 0x1090B0),
			"0x1091A0: rec (a.c:7)|0x4882304: __libc_start_main@@GLIBC_2.34 (libc-start.c:360)|0x1090B0: (below main) (in /home/u/a)"},
		{"--fullpath-after=", View{Fullpath: []string{""}}, full,
			"0x1091BB: inl (/home/u/a.c:5)|0x1091BB: f (/home/u/a.c:6)|0x1091BB: main (/home/u/a.c:10)"},
		{"--fullpath-after twice", View{Fullpath: []string{"zzz", "/home/"}}, calls(0x1091ED), "0x1091ED: main (u/a.c:12)"},
		{"--num-callers", View{NumCallers: 2}, calls(0x109190, 0x1091A0, 0x1091A0),
			"0x109190: inl (a.c:5)|0x109190: f (a.c:6)|0x109190: rec (a.c:7)|0x1091A0: rec (a.c:7)"},
		{"--sym-offsets", View{Offsets: true}, calls(0x10F000), "0x10F000: ns::get(long)+18 (in /home/u/cc)"},
		{"--demangle=no", View{Mangled: true}, calls(0x10F000), "0x10F000: _ZN2ns3getEl (in /home/u/cc)"},
		{"no stack", View{}, nil, ""},
	}
	for _, r := range rows {
		var got []string
		frames := r.v.Resolve(table{}, r.pcs)
		for i := range frames {
			got = append(got, fmt.Sprintf("0x%X: %s", uint64(frames[i].PC), r.v.Describe(&frames[i])))
		}
		if s := strings.Join(got, "|"); s != r.want {
			t.Errorf("%s:\ngot  %s\nwant %s", r.name, s, r.want)
		}
	}
}

func TestCommas(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 104992: "104,992", 1234567: "1,234,567"} {
		if got := Commas(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

// TestConcurrent: counts add up and lines stay whole with many reporting threads.
func TestConcurrent(t *testing.T) {
	r, done := newTest(t, Config{})
	var wg sync.WaitGroup
	const threads, each = 8, 200
	for n := range threads {
		wg.Go(func() {
			for i := range each {
				r.Report(&Finding{Kind: "K", Text: "first\nsecond", Thread: n + 1, PCs: []guest.Addr{guest.Addr(i)}})
			}
		})
	}
	wg.Wait()
	if c := r.Counts(); c.Errors != threads*each || c.Contexts != each {
		t.Errorf("%+v", c)
	}
	if got := done(); strings.Count(got, "==7485== first\n==7485== second\n==7485==    at 0x") != each {
		t.Error("entries are mixed up")
	}
}

// TestUniqueUnnamed: a leak that is neither shown nor could be suppressed costs no names.
func TestUniqueUnnamed(t *testing.T) {
	asked := 0
	r := New(nil, Config{Symbols: countingSymbols{&asked}, Suppressions: suppress.NewSet(suppress.Memcheck)})
	f := &Finding{Kind: "Leak_DefinitelyLost", SuppKind: "Leak", LeakKind: 1, PCs: []guest.Addr{0x1000, 0x2000}, LeakedBlocks: 1}
	if r.Unique(f, false, true) || asked != 0 {
		t.Errorf("%d addresses were looked up", asked)
	}
	if c := r.Counts(); c.Errors != 1 || c.Contexts != 1 {
		t.Errorf("counts %+v", c)
	}
}

type countingSymbols struct{ n *int }

func (c countingSymbols) Frames(pc guest.Addr, _ uint32, _ bool, buf []Frame) []Frame {
	*c.n++
	return append(buf, Frame{PC: pc})
}
