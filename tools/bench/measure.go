package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// A measurement is one run: what it cost and what it did.
type measurement struct {
	time   time.Duration // user + system of the process and the children it waited for, or on the clock
	memory int64         // resident at most, in kB
	status int
	sum    [sha256.Size]byte // of standard output
	rate   float64           // guest instructions that translation handled in a second of processor time
}

// rateLine is the line of --stats=brief that says how fast translation was.
var rateLine = regexp.MustCompile(`jit: translation took .* ([0-9.]+) million guest instructions a second`)

// measureRate runs p under r with statistics.
func (p program) measureRate(r runner, dir string, limit time.Duration) (measurement, error) {
	log := filepath.Join(dir, "stats")
	prefix := append(slices.Clone(r.prefix), "--stats=brief", "--log-file="+log)
	m, err := p.measure(prefix, dir, limit)
	if err != nil {
		return m, err
	}
	text, err := os.ReadFile(log)
	if err != nil {
		return m, err
	}
	found := rateLine.FindSubmatch(text)
	if found == nil {
		return m, errors.New("no line on translation in the log")
	}
	m.rate, err = strconv.ParseFloat(string(found[1]), 64)
	m.rate *= 1e6
	return m, err
}

// measure runs p under prefix, nil for natively.
func (p program) measure(prefix []string, dir string, limit time.Duration) (measurement, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	argv := append(append([]string(nil), prefix...), p.argv...)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C", "TZ=UTC", "PYTHONHASHSEED=0", "PERL_HASH_SEED=0"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	if p.stdin != "" {
		f, err := os.Open(p.stdin)
		if err != nil {
			return measurement{}, err
		}
		defer f.Close()
		cmd.Stdin = f
	}
	h := sha256.New()
	cmd.Stdout = h
	start := time.Now()
	err := cmd.Run()
	elapsed := time.Since(start)
	if ctx.Err() != nil {
		return measurement{}, fmt.Errorf("took more than %v", limit)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return measurement{}, err
	}
	m := measurement{time: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), status: cmd.ProcessState.ExitCode()}
	if p.kind == clockTime || p.kind == startTime {
		m.time = elapsed
	}
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		m.memory = r.Maxrss
	}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		m.status = 128 + int(ws.Signal())
	}
	h.Sum(m.sum[:0])
	return m, nil
}
