package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// A table collects times by program and runner.
type table struct {
	what     string // the heading: what was measured
	programs []program
	under    []runner
	native   [][]time.Duration
	times    [][][]time.Duration
	failed   [][]error // the first failure, nil if none
}

func newTable(programs []program, under []runner) *table {
	t := &table{what: "user+sys", programs: programs, under: under, native: make([][]time.Duration, len(programs)),
		times: make([][][]time.Duration, len(programs)), failed: make([][]error, len(programs))}
	for i := range programs {
		t.times[i] = make([][]time.Duration, len(under))
		t.failed[i] = make([]error, len(under))
	}
	return t
}

func (t *table) fail(program, runner int, err error) {
	if t.failed[program][runner] == nil {
		t.failed[program][runner] = err
	}
}

// print writes a row per program with the ratio to the native median, the geometric means of what did not fail, and the
// reasons of failures.
func (t *table) print(w io.Writer) {
	fmt.Fprintf(w, "%-12s %10s", t.what, "native")
	for j, r := range t.under {
		fmt.Fprintf(w, " %*s", t.width(j), r.name)
	}
	fmt.Fprintln(w)
	for i, p := range t.programs {
		base := median(t.native[i])
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
	fmt.Fprintf(w, "%-12s %10s", "mean", "")
	for j := range t.under {
		mean, n := t.mean(j)
		fmt.Fprintf(w, " %*s", t.width(j), fmt.Sprintf("%.2fx of %d", mean, n))
	}
	fmt.Fprintln(w)
	for i, p := range t.programs {
		for j, r := range t.under {
			if err := t.failed[i][j]; err != nil {
				fmt.Fprintf(w, "fail: %s under %s: %v\n", p.name, r.name, err)
			}
		}
	}
}

// width is that of runner's column.
func (t *table) width(runner int) int { return max(17, len(t.under[runner].name)) }

// mean is the geometric mean of runner's ratios over the programs that did not fail, and how many those are.
func (t *table) mean(runner int) (float64, int) {
	sum, n := 0.0, 0
	for i := range t.programs {
		if t.failed[i][runner] == nil {
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
