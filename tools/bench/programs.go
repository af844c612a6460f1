package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gogrind/internal/e2e/input"
)

// A program is something to measure. In argv, {bench} is testdata/bench, {temp} the directory of inputs and built
// kernels, {cc1} the compiler proper and {source} what it compiles.
type program struct {
	name  string
	argv  []string
	stdin string // file
	// compiler builds the source {bench}/name.* with -O2; "" for programs of the system.
	compiler string
	// kind says which table the program is in.
	kind kind
	// allocs is how often malloc is called in a millisecond of native processor time, 0 for hardly ever (below 10).
	allocs int
}

// kind is what is measured of a program.
type kind int

const (
	cpuTime   kind = iota // user and system time: programs without threads
	clockTime             // time on the clock: programs that keep two processors busy, with two threads or four
	startTime             // time on the clock and memory of a program that does nothing
	rateTime              // how fast translation is: a program with much code
	kinds
)

// all are programs chosen for what dominates them.
var all = []program{
	{name: "bzip2", argv: []string{"bzip2", "-9c", "{temp}/text"}},
	{name: "gzip", argv: []string{"gzip", "-9nc", "{temp}/text"}},
	{name: "xz", argv: []string{"xz", "-T1", "-1c", "{temp}/text"}},
	{name: "zstd", argv: []string{"zstd", "-q", "--single-thread", "-12", "-c", "{temp}/text"}},
	{name: "sqlite3", argv: []string{"sqlite3", ":memory:"}, stdin: "{bench}/queries.sql", allocs: 1300},
	{name: "python3", argv: []string{"/usr/bin/python3", "{bench}/loop.py"}},
	{name: "perl", argv: []string{"perl", "{bench}/loop.pl"}, allocs: 2200},
	{name: "lua", argv: []string{"lua5.4", "{bench}/loop.lua"}, allocs: 700},
	{name: "cc1", argv: []string{"{cc1}", "-O2", "-quiet", "-fpreprocessed", "{source}", "-o", "/dev/null"}, allocs: 700},
	{name: "sort", argv: []string{"sort", "--parallel=1", "-S200M", "-k2,2", "-k3n", "{temp}/words"}},
	{name: "awk", argv: []string{"awk", "{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) s += n[w] * length(w); print s }", "{temp}/text"}, allocs: 600},
	{name: "openssl", argv: []string{"openssl", "dgst", "-sha3-256", "{temp}/big"}},
	{name: "matrix", compiler: "gcc", argv: []string{"{temp}/matrix"}},
	{name: "nbody", compiler: "gcc", argv: []string{"{temp}/nbody"}},
	{name: "hash", compiler: "gcc", argv: []string{"{temp}/hash"}},
	{name: "fib", compiler: "gcc", argv: []string{"{temp}/fib"}},
	{name: "chase", compiler: "gcc", argv: []string{"{temp}/chase"}},
	{name: "heap", compiler: "gcc", argv: []string{"{temp}/heap"}, allocs: 40000},
	{name: "virtual", compiler: "g++", argv: []string{"{temp}/virtual"}},
	{name: "xz-2", argv: []string{"xz", "-T2", "--block-size=1MiB", "-3c", "{temp}/text"}, kind: clockTime},
	{name: "zstd-2", argv: []string{"zstd", "-q", "-T2", "-B1MiB", "-12", "-c", "{temp}/text"}, kind: clockTime},
	{name: "xz-4", argv: []string{"xz", "-T4", "--block-size=1MiB", "-3c", "{temp}/text"}, kind: clockTime},
	{name: "zstd-4", argv: []string{"zstd", "-q", "-T4", "-B1MiB", "-12", "-c", "{temp}/text"}, kind: clockTime},
	{name: "start", argv: []string{"true"}, kind: startTime},
	{name: "cc1-rate", argv: []string{"{cc1}", "-O2", "-quiet", "-fpreprocessed", "{source}", "-o", "/dev/null"}, kind: rateTime},
}

// writeInputs writes what programs read to dir.
func writeInputs(dir string) error {
	text := input.Text(4 << 20)
	for name, content := range map[string]string{"text": text, "words": input.Text(16 << 20), "big": strings.Repeat(text, 16)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			return fmt.Errorf("bench: %w", err)
		}
	}
	return nil
}

// prepare makes inputs in temp and returns the programs that wanted allows and that can run here, and why others can't.
func prepare(root, temp string, wanted func(string) bool) (ready []program, missing []string, err error) {
	// In a process of its own: a program's resident memory is counted from what the process that starts it has had.
	self, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("bench: %w", err)
	}
	if out, err := exec.Command(self, "-inputs", temp).CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("bench: inputs: %w: %s", err, out)
	}
	bench := filepath.Join(root, "testdata/bench")
	source, cc1, err := input.Preprocessed(temp, 60)
	if err != nil {
		return nil, nil, err
	}
	r := strings.NewReplacer("{bench}", bench, "{temp}", temp, "{cc1}", cc1, "{source}", source)
	for _, p := range all {
		if !wanted(p.name) {
			continue
		}
		if p.compiler != "" {
			if _, err := exec.LookPath(p.compiler); err != nil {
				missing = append(missing, p.name+": "+p.compiler+" is not installed")
				continue
			}
			if err := build(p, bench, temp); err != nil {
				return nil, nil, err
			}
		}
		argv := make([]string, len(p.argv))
		for i, a := range p.argv {
			argv[i] = r.Replace(a)
		}
		path, err := exec.LookPath(argv[0])
		if err != nil {
			missing = append(missing, p.name+": "+argv[0]+" is not installed")
			continue
		}
		argv[0] = path
		p.argv, p.stdin = argv, r.Replace(p.stdin)
		ready = append(ready, p)
	}
	return ready, missing, nil
}

func build(p program, bench, temp string) error {
	sources, err := filepath.Glob(filepath.Join(bench, p.name+".c*"))
	if err != nil || len(sources) != 1 {
		return fmt.Errorf("bench: %s: sources %q %w", p.name, sources, err)
	}
	cmd := exec.Command(p.compiler, "-O2", "-o", filepath.Join(temp, p.name), sources[0], "-lm")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("bench: %s: %w: %s", p.name, err, out)
	}
	return nil
}

// A runner is what a program is run under.
type runner struct {
	name   string
	prefix []string // command line before the program's
}

// ours reports whether r is a tool of this repository.
func (r runner) ours() bool { return !strings.HasPrefix(r.name, "valgrind-") }

// sets are lists of tools under one name: ours, then what they are compared with.
var sets = map[string][]string{
	"profilers": {"cachegrind:--cache-sim=no", "valgrind-cachegrind:--cache-sim=no", "cachegrind:--cache-sim=yes", "valgrind-cachegrind:--cache-sim=yes",
		"massif", "valgrind-massif"},
	"leaks":   {"memcheck", "memcheck:--leak-check=full"},
	"origins": {"memcheck", "memcheck:--track-origins=yes", "valgrind-memcheck", "valgrind-memcheck:--track-origins=yes"},
}

// expand puts the tools of a set in place of its name.
func expand(names []string) (all []string) {
	for _, n := range names {
		if set, ok := sets[n]; ok {
			all = append(all, set...)
		} else {
			all = append(all, n)
		}
	}
	return all
}

// runners reads names of tools, each with its options behind it: cachegrind:--cache-sim=yes. Valgrind's tools are left out, and told
// of, where it is not installed.
func runners(bin string, names []string) (list []runner, missing []string, err error) {
	for _, n := range expand(names) {
		words := strings.Split(n, ":")
		r := runner{name: n, prefix: []string{filepath.Join(bin, words[0]), "--log-file=/dev/null"}}
		if tool, ok := strings.CutPrefix(words[0], "valgrind-"); ok {
			r.prefix = []string{"valgrind", "--tool=" + tool, "--log-file=/dev/null"}
			if _, err := exec.LookPath(r.prefix[0]); err != nil {
				missing = append(missing, n+": Valgrind is not installed")
				continue
			}
		} else if _, err := exec.LookPath(r.prefix[0]); err != nil {
			return nil, nil, fmt.Errorf("bench: tool %s: %w", words[0], err)
		}
		r.prefix = append(r.prefix, words[1:]...)
		list = append(list, r)
	}
	return list, missing, nil
}
