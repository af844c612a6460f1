package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// differencesFile lists what memcheck and Valgrind do not both say of real programs, with the reason.
const differencesFile = "testdata/e2e/report-differences.txt"

// A difference is a line of that file: PROGRAM | REPORT | REASON, the first two as patterns of package path.
type difference struct{ program, report, reason string }

// reportFrames are the innermost functions that tell two reports of one kind apart.
const reportFrames = 3

// TestReports runs real programs, and the guests that run everywhere, under memcheck and under the Valgrind that is installed, with
// leaks and origins: what one of them says and the other does not is listed, with a reason, in report-differences.txt. A report is
// its kind and the functions it is in; how often it comes does not count. It takes an hour, most of it Valgrind's, and wants
// $GOGRIND_LONG=1 (all) or $GOGRIND_REPORTS=1 (programs that take Valgrind seconds).
func TestReports(t *testing.T) {
	long := os.Getenv("GOGRIND_LONG") != ""
	if !long && os.Getenv("GOGRIND_REPORTS") == "" {
		s.skip(t, "a long test: GOGRIND_LONG=1 runs it")
	}
	if _, err := exec.LookPath("valgrind"); err != nil {
		s.skip(t, "valgrind is not installed")
	}
	tool := faultTool(t)
	known, err := readDifferences(filepath.Join(s.root, differencesFile))
	if err != nil {
		t.Fatal(err)
	}
	one := func(t *testing.T, name string, c command) {
		c.options = append(slices.Clone(c.options), "--leak-check=full", "--track-origins=yes", "--num-callers=20")
		c.timeout = 10 * time.Minute
		ours, _ := s.reports(t, tool, c)
		theirs, _ := s.reports(t, "valgrind", c)
		s.verdict(t, compareReports(name, ours, theirs, known))
	}
	for _, p := range programs {
		if !long && slices.Contains(slowReports, p.name) {
			continue
		}
		t.Run(p.name, func(t *testing.T) { one(t, p.name, p.command(t)) })
	}
	for _, g := range s.guests(t, "same") {
		stem := strings.TrimSuffix(filepath.Base(g.file), filepath.Ext(g.file))
		if !slices.Contains(reportGuests, stem) || isStatic(g) {
			continue
		}
		t.Run(g.name, func(t *testing.T) { one(t, stem, command{argv: []string{s.executable(t, g)}}) })
	}
}

// slowReports are programs that take Valgrind minutes.
var slowReports = []string{"ls-lR", "cc1", "gcc", "gcc-children", "gdb", "node", "node-workers", "java", "java-version", "git", "make",
	"openssl-speed", "ssh-keygen", "python-test_re", "python-test_json", "python-test_ctypes", "python-test_threading", "python-test_signal",
	"python3", "xz-threads", "xz", "bzip2", "bash-children", "zstd", "zstd-threads", "gzip", "objdump"}

// reportGuests are guests of testdata/guest/same in languages that the programs don't have.
var reportGuests = []string{"cxx", "rusty", "threads", "setjmp", "coroutine", "libc", "loading", "strmem"}

// reports runs c: the different reports of it and of all processes that it starts, whose logs are the result's.
func (s *suite) reports(t *testing.T, tool string, c command) ([]string, result) {
	t.Helper()
	dir := t.TempDir()
	c.keepLog = true
	c.options = append(slices.Clone(c.options), "--log-file="+filepath.Join(dir, "log.%p"))
	r := s.run(t, tool, c)
	if r.timedOut {
		t.Fatalf("%s: timed out", tool)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "log.*"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("%s: no log%s", tool, tail(r))
	}
	var list []string
	for _, file := range logs {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, reportsIn(string(text))...)
		r.log += string(text)
	}
	slices.Sort(list)
	return slices.Compact(list), r
}

// reportsIn lists the reports of a log: kind and innermost functions. Blocks that are still reachable are none.
func reportsIn(log string) (list []string) {
	open := false
	n := 0
	for line := range strings.Lines(log) {
		text := strings.TrimRight(logPrefix.ReplaceAllString(line, ""), "\n")
		if kind := kindOf(text); kind != "" {
			if leak := leakLine.FindStringSubmatch(text); leak != nil {
				kind = leak[2] // how much is the program's choice
			}
			if open, n = !strings.HasPrefix(kind, "still reachable"), 0; open {
				list = append(list, farAddress.ReplaceAllString(kind, "ADDRESS")+":")
			}
			continue
		}
		m := frameLine.FindStringSubmatch(text)
		if m == nil {
			open = open && n == 0 // what follows is the description
			continue
		}
		if n++; open && n <= reportFrames {
			list[len(list)-1] += " " + m[1]
		}
	}
	return list
}

// compareReports says what only one of the tools says, but for known differences.
func compareReports(program string, ours, theirs []string, known []difference) error {
	explained := func(report string) bool {
		return slices.ContainsFunc(known, func(d difference) bool {
			a, err := path.Match(d.program, program)
			b, err2 := path.Match(d.report, strings.ReplaceAll(report, "/", "."))
			return a && b && err == nil && err2 == nil
		})
	}
	var b strings.Builder
	for _, r := range ours {
		if !slices.Contains(theirs, r) && !explained("ours "+r) {
			fmt.Fprintf(&b, "\n\tours   %s", r)
		}
	}
	for _, r := range theirs {
		if !slices.Contains(ours, r) && !explained("theirs "+r) {
			fmt.Fprintf(&b, "\n\ttheirs %s", r)
		}
	}
	if b.Len() > 0 {
		return fmt.Errorf("only one says:%s", b.String())
	}
	return nil
}

func readDifferences(file string) (list []difference, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		f := strings.SplitN(line, " | ", 3)
		if len(f) != 3 {
			return nil, fmt.Errorf("e2e: %s:%d: want \"PROGRAM | REPORT | REASON\"", file, n)
		}
		list = append(list, difference{f[0], f[1], f[2]})
	}
	return list, nil
}

// TestReportsIn: a report's kind and functions are found in a log, and what is still reachable is none.
func TestReportsIn(t *testing.T) {
	const log = `==7== Conditional jump or move depends on uninitialised value(s)
==7==    at 0x1091BA: f (a.c:19)
==7==    by 0x1091BB: g (a.c:20)
==7==    by 0x1091BC: h (in /lib/x)
==7==    by 0x1091BD: main (a.c:21)
==7==  Uninitialised value was created by a stack allocation
==7==    at 0x1091BD: main (a.c:1)
==7== 
==7== 8 bytes in 1 blocks are still reachable in loss record 1 of 2
==7==    at 0x48A36E0: malloc (vg_replace_malloc.c:381)
==7== 
==7== 8 bytes in 1 blocks are definitely lost in loss record 2 of 2
==7==    at 0x48A36E0: malloc (vg_replace_malloc.c:381)
==7==    by 0x1091BD: main (a.c:3)
`
	want := []string{"Conditional jump or move depends on uninitialised value(s): f g h", "definitely lost: malloc main"}
	got := reportsIn(log)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	known := []difference{{"prog", "ours definitely lost: *", "a reason"}}
	if err := compareReports("prog", got, want[:1], known); err != nil {
		t.Error(err)
	}
	if err := compareReports("other", got, want[:1], known); err == nil {
		t.Error("a report that nobody explained passes")
	}
	if err := compareReports("prog", nil, want[1:], known); err == nil {
		t.Error("a report that is missing passes")
	}
}
