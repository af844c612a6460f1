package cachegrind

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gogrind/internal/cgfile"
	"gogrind/internal/report"
)

// finished is a tool whose guest has gone, with a log in dir.
func finished(t *testing.T, dir string) *Cachegrind {
	t.Helper()
	log, err := report.OpenLog(report.Target{File: filepath.Join(dir, "log")}, os.Getpid(), false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	c := newTest(false)
	c.core.Verbosity = 1
	c.report = report.New(log, report.Config{})
	c.dir = dir
	c.command = []string{"./prog", "with", "arguments"}
	c.opts.outFile, c.opts.pprofFile, c.opts.hint = "cachegrind.out.%p", noPprof, true
	c.Instrument(block(t, codeStart, "90 90 c3"))
	*c.runs.value(1) = 7
	return c
}

func TestWrite(t *testing.T) {
	mine := fmt.Sprintf("cachegrind.out.%d", os.Getpid())
	for _, c := range []struct{ out, file, message string }{
		{"cachegrind.out.%p", mine, "I refs:        21"},
		{"a%%%q{HOME_OF_TEST}", "a%here", "To see the result: cg_annotate"},
		{"/nowhere/x", mine, "the result is in"},
		{"/dev/full", mine, "no space left on device"},
		{"%q{NOT_SET_AT_ALL}", mine, "NOT_SET_AT_ALL"},
	} {
		t.Setenv("HOME_OF_TEST", "here")
		dir := t.TempDir()
		g := finished(t, dir)
		g.opts.outFile = c.out
		if _, replace := g.Finish(struct{ Status, Signal int }{}); replace {
			t.Error("replaces the exit status")
		}
		p, err := cgfile.ReadFile(filepath.Join(dir, c.file))
		if err != nil {
			t.Errorf("%s: %v", c.out, err)
			continue
		}
		if err := p.Check(); err != nil || p.Summary[0] != 21 || p.Cmd != "./prog with arguments" {
			t.Errorf("%s: %v %+v", c.out, err, p)
		}
		if log, _ := os.ReadFile(filepath.Join(dir, "log")); !strings.Contains(string(log), c.message) {
			t.Errorf("%s: the log lacks %q:\n%s", c.out, c.message, log)
		}
	}
}

func TestPprofFile(t *testing.T) {
	for opt, want := range map[string]string{
		"":        fmt.Sprintf("sub/cachegrind.pprof.%d.pb.gz", os.Getpid()),
		"p.%p.gz": fmt.Sprintf("p.%d.gz", os.Getpid()),
		noPprof:   "",
		// Full disks and places that are not there: it goes to the directory that the program was started in.
		"/dev/full":  fmt.Sprintf("cachegrind.pprof.%d.pb.gz", os.Getpid()),
		"/nowhere/p": fmt.Sprintf("cachegrind.pprof.%d.pb.gz", os.Getpid()),
	} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "sub"), 0o777); err != nil {
			t.Fatal(err)
		}
		g := finished(t, dir)
		g.opts.outFile, g.opts.pprofFile = "sub/out", opt
		g.Finish(struct{ Status, Signal int }{})
		found, _ := filepath.Glob(filepath.Join(dir, "*.gz"))
		more, _ := filepath.Glob(filepath.Join(dir, "sub/*.gz"))
		got := ""
		for _, f := range append(found, more...) {
			got += strings.TrimPrefix(f, dir+"/")
		}
		if got != want {
			t.Errorf("--pprof=%s: %q, want %q", opt, got, want)
		}
	}
}
