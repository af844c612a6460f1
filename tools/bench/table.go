package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// A table collects times by program and runner.
type table struct {
	kind     kind
	programs []program
	under    []runner
	native   [][]time.Duration
	times    [][][]time.Duration
	memory   [][]int64   // the most resident by program and runner, in kB; natively behind the runners
	rates    [][]float64 // instructions translated a second by runner: of rateTime, and of our tools only
	failed   [][]error   // the first failure, nil if none
}

func (k kind) String() string {
	return [...]string{cpuTime: "user+sys", clockTime: "clock", startTime: "start", rateTime: "translation"}[k]
}

func newTable(k kind, programs []program, under []runner) *table {
	t := &table{kind: k, programs: programs, under: under, native: make([][]time.Duration, len(programs)),
		times: make([][][]time.Duration, len(programs)), failed: make([][]error, len(programs)), memory: make([][]int64, len(programs)), rates: make([][]float64, len(under))}
	for i := range programs {
		t.times[i] = make([][]time.Duration, len(under))
		t.failed[i] = make([]error, len(under))
		t.memory[i] = make([]int64, len(under)+1)
	}
	return t
}

// round runs each program natively and under each runner once.
func (t *table) round(dir string, limit time.Duration) error {
	for i, p := range t.programs {
		want, err := p.measure(nil, dir, limit)
		if err == nil && want.status != 0 {
			err = fmt.Errorf("exit status %d", want.status)
		}
		if err != nil {
			return fmt.Errorf("bench: %s natively: %w", p.name, err)
		}
		t.native[i] = append(t.native[i], want.time)
		t.sawMemory(i, len(t.under), want)
		for j, r := range t.under {
			if t.kind == rateTime && !r.ours() {
				continue
			}
			run := func() (measurement, error) { return p.measure(r.prefix, dir, limit) }
			if t.kind == rateTime {
				run = func() (measurement, error) { return p.measureRate(r, dir, limit) }
			}
			got, err := run()
			if err == nil && (got.sum != want.sum || got.status != want.status) {
				err = errors.New("output or status differs from the native run")
			}
			if err != nil {
				t.fail(i, j, err)
				continue
			}
			t.times[i][j] = append(t.times[i][j], got.time)
			t.sawMemory(i, j, got)
			t.rates[j] = append(t.rates[j], got.rate)
		}
	}
	return nil
}

// sawMemory notes what program i has had under runner j.
func (t *table) sawMemory(i, j int, m measurement) { t.memory[i][j] = max(t.memory[i][j], m.memory) }

func (t *table) fail(program, runner int, err error) {
	if t.failed[program][runner] == nil {
		t.failed[program][runner] = err
	}
}

// print writes a row per program with the ratio to the native median, the geometric means of what did not fail, how much faster a
// tool is than Valgrind's of the same kind, and the reasons of failures. Of the start it writes times and memory instead.
func (t *table) print(w io.Writer) {
	if len(t.programs) == 0 {
		return
	}
	fmt.Fprintf(w, "%-12s %10s", t.kind, "native")
	for j, r := range t.under {
		fmt.Fprintf(w, " %*s", t.width(j), r.name)
	}
	fmt.Fprintln(w)
	for i, p := range t.programs {
		base := median(t.native[i])
		switch t.kind {
		case startTime:
			t.printStart(w, i)
			continue
		case rateTime:
			t.printRate(w, i)
			continue
		}
		fmt.Fprintf(w, "%-12s %9.2fs", p.name, base.Seconds())
		for j := range t.under {
			if t.failed[i][j] != nil {
				fmt.Fprintf(w, " %*s", t.width(j), "fail")
			} else {
				fmt.Fprintf(w, " %*.2fx", t.width(j)-1, ratio(median(t.times[i][j]), base))
			}
		}
		fmt.Fprintln(w)
	}
	if t.kind == cpuTime || t.kind == clockTime {
		fmt.Fprintf(w, "%-12s %10s", "mean", "")
		for j := range t.under {
			mean, n := t.mean(j, everyOne)
			fmt.Fprintf(w, " %*s", t.width(j), fmt.Sprintf("%.2fx of %d", mean, n))
		}
		fmt.Fprintln(w)
		t.printFaster(w)
	}
	for i, p := range t.programs {
		for j, r := range t.under {
			if err := t.failed[i][j]; err != nil {
				fmt.Fprintf(w, "fail: %s under %s: %v\n", p.name, r.name, err)
			}
		}
	}
}

// printStart writes the times and the memory of program i.
func (t *table) printStart(w io.Writer, i int) {
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	fmt.Fprintf(w, "%-12s %8.1fms", t.programs[i].name, ms(median(t.native[i])))
	for j := range t.under {
		cell := "fail"
		if t.failed[i][j] == nil {
			cell = fmt.Sprintf("%.1fms %.0fMB", ms(median(t.times[i][j])), float64(t.memory[i][j])/1024)
		}
		fmt.Fprintf(w, " %*s", t.width(j), cell)
	}
	fmt.Fprintln(w)
}

// printRate writes how fast translation of program i was.
func (t *table) printRate(w io.Writer, i int) {
	fmt.Fprintf(w, "%-12s %10s", t.programs[i].name, "")
	for j := range t.under {
		cell := "-"
		if t.failed[i][j] != nil {
			cell = "fail"
		} else if len(t.rates[j]) > 0 {
			cell = fmt.Sprintf("%.2fM/s", t.rate(j)/1e6)
		}
		fmt.Fprintf(w, " %*s", t.width(j), cell)
	}
	fmt.Fprintln(w)
}

// rate is the median of runner's rates.
func (t *table) rate(runner int) float64 {
	r := slices.Sorted(slices.Values(t.rates[runner]))
	return (r[(len(r)-1)/2] + r[len(r)/2]) / 2
}

// printFaster compares tools with Valgrind's of the same kind, where both were measured.
func (t *table) printFaster(w io.Writer) {
	for j, ours := range t.under {
		if k := t.counterpart(j); k >= 0 {
			if mean, least, slowest, n := t.faster(j, k, everyOne); n > 0 {
				fmt.Fprintf(w, "%s is %.1f times as fast as %s on the mean of %d, %.1f times on %s\n",
					ours.name, mean, t.under[k].name, n, least, slowest)
			}
		}
	}
}

// counterpart is Valgrind's tool of the same kind as runner j, -1 if it was not measured.
func (t *table) counterpart(j int) int {
	name := t.under[j].name
	if name == "nulgrind" {
		name = "none"
	}
	return slices.IndexFunc(t.under, func(r runner) bool { return r.name == "valgrind-"+name })
}

// faster is how much faster runner j is than runner k: the geometric mean over the n programs wanted, and the least of them, with its name.
func (t *table) faster(j, k int, wanted func(p *program) bool) (mean, least float64, slowest string, n int) {
	sum := 0.0
	least = math.Inf(1)
	for i := range t.programs {
		p := &t.programs[i]
		if t.failed[i][j] != nil || t.failed[i][k] != nil || !wanted(p) {
			continue
		}
		f := ratio(median(t.times[i][k]), median(t.times[i][j]))
		sum, n = sum+math.Log(f), n+1
		if f < least {
			least, slowest = f, p.name
		}
	}
	return math.Exp(sum / float64(n)), least, slowest, n
}

// width is that of runner's column.
func (t *table) width(runner int) int { return max(17, len(t.under[runner].name)) }

// mean is the geometric mean of runner's ratios over the programs wanted that did not fail, and how many those are.
func (t *table) mean(runner int, wanted func(p *program) bool) (float64, int) {
	sum, n := 0.0, 0
	for i := range t.programs {
		if t.failed[i][runner] == nil && wanted(&t.programs[i]) {
			sum += math.Log(ratio(median(t.times[i][runner]), median(t.native[i])))
			n++
		}
	}
	if n == 0 {
		return math.NaN(), 0
	}
	return math.Exp(sum / float64(n)), n
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	if n := len(d); n%2 == 0 {
		return (d[n/2-1] + d[n/2]) / 2
	}
	return d[len(d)/2]
}
