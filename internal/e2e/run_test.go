package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// native stands for no tool.
const native = "native"

// A command is a program run: what to run and with what.
type command struct {
	argv    []string
	stdin   string
	env     []string // beside PATH, HOME, LC_ALL and TZ
	options []string // of the tool
	timeout time.Duration
	// keepLog leaves the tool's log where the options say; otherwise it goes to a file that result.log holds.
	keepLog bool
}

// A result is all that can be seen of a run from outside.
type result struct {
	stdout, stderr string
	status         int    // exit status, or 128 + signal
	files          string // names and hashes of the files left in the work directory
	log            string // the tool's
	timedOut       bool
}

// run runs c under tool in a fresh work directory.
func (s *suite) run(t *testing.T, tool string, c command) result {
	t.Helper()
	dir := s.dir(t)
	logFile := filepath.Join(dir, "log")
	work := filepath.Join(dir, "work")
	if err := os.Mkdir(work, 0o777); err != nil {
		t.Fatal(err)
	}
	argv := c.argv
	if tool != native {
		prefix := []string{s.toolPath(tool)}
		if tool == "valgrind" {
			prefix = append(prefix, "--tool=memcheck")
		}
		if !c.keepLog {
			prefix = append(prefix, "--log-file="+logFile)
		}
		argv = slices.Concat(prefix, c.options, argv)
	}
	timeout := c.timeout
	if timeout == 0 {
		timeout = *limitFlag
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = work
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C", "TZ=UTC"}, c.env...)
	cmd.Stdin = strings.NewReader(c.stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// A process group of its own, so that what the program started ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	r := result{stdout: stdout.String(), stderr: stderr.String(), timedOut: ctx.Err() != nil}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		ws := exit.Sys().(syscall.WaitStatus)
		r.status = ws.ExitStatus()
		if ws.Signaled() {
			r.status = 128 + int(ws.Signal())
		}
	case err != nil && !r.timedOut:
		t.Fatalf("%s: %v", tool, err)
	}
	if log, err := os.ReadFile(logFile); err == nil {
		r.log = string(log)
	}
	if r.files, err = listing(work); err != nil {
		t.Fatal(err)
	}
	return r
}

// dir makes a directory for one run of t. Nothing in its name tells runs of different tools apart.
func (s *suite) dir(t *testing.T) string {
	t.Helper()
	base := filepath.Join(s.temp, "run")
	if err := os.MkdirAll(base, 0o777); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(base, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (s *suite) toolPath(tool string) string {
	if tool == "valgrind" {
		return "/usr/bin/valgrind"
	}
	return filepath.Join(s.bin, tool)
}

// listing describes the files below dir: path, mode, and a hash of the contents.
func listing(dir string) (string, error) {
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %s", rel, info.Mode())
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %x", sha256.Sum256(data))
		}
		b.WriteByte('\n')
		return nil
	})
	return b.String(), err
}

// differ says how got differs from the native run, nil if it does not.
func differ(want, got result) error {
	if got.timedOut {
		return fmt.Errorf("timed out%s", tail(got))
	}
	var diffs []string
	if want.status != got.status {
		diffs = append(diffs, fmt.Sprintf("exit status %d, natively %d", got.status, want.status))
	}
	for _, part := range []struct{ name, want, got string }{
		{"stdout", want.stdout, got.stdout},
		{"stderr", want.stderr, got.stderr},
		{"files", want.files, got.files},
	} {
		if d := firstDifference(part.want, part.got); d != "" {
			diffs = append(diffs, part.name+" "+d)
		}
	}
	if diffs == nil {
		return nil
	}
	return fmt.Errorf("%s%s", strings.Join(diffs, "\n"), tail(got))
}

// tail shows the end of a run's own messages, where the reason of a failure usually is.
func tail(r result) string {
	var b strings.Builder
	for _, part := range []struct{ name, text string }{{"stderr", r.stderr}, {"log", r.log}} {
		if part.text == "" {
			continue
		}
		lines := strings.Split(strings.TrimRight(part.text, "\n"), "\n")
		if len(lines) > 25 {
			lines = lines[len(lines)-25:]
		}
		fmt.Fprintf(&b, "\nend of %s:\n\t%s", part.name, strings.Join(lines, "\n\t"))
	}
	return b.String()
}

// firstDifference describes the first line in which want and got differ, "" if they are equal.
func firstDifference(want, got string) string {
	if want == got {
		return ""
	}
	w, g := strings.SplitAfter(want, "\n"), strings.SplitAfter(got, "\n")
	n := 0
	for n < len(w) && n < len(g) && w[n] == g[n] {
		n++
	}
	line := func(l []string) string {
		if n >= len(l) {
			return "end of text"
		}
		text := l[n]
		if len(text) > 300 {
			text = text[:300] + "..."
		}
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprintf("differs in line %d:\n\tgot  %s\n\twant %s", n+1, line(g), line(w))
}
