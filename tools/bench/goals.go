package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// A goal is a figure that a tool is to reach, measured in one of the tables.
type goal struct {
	tool  string
	what  string
	kind  kind
	least bool // limit is a least value; else one not to be exceeded
	limit float64
	unit  string
	// value finds the figure of runner j, and the program that it is of; ok is false when it was not measured.
	value func(t *table, j int) (v float64, program string, ok bool)
}

// goals are what was promised. Translation-bound cc1 has a limit of its own.
var goals = []goal{
	{"nulgrind", "mean over native", cpuTime, false, 1.25, "x", meanOf(everyOne)},
	{"nulgrind", "slowest program over native", cpuTime, false, 1.8, "x", worstOf(notCC1)},
	{"nulgrind", "cc1 over native", cpuTime, false, 3, "x", worstOf(named("cc1"))},
	{"nulgrind", "mean speed over Valgrind", cpuTime, true, 3, "x", meanOverValgrind},
	{"nulgrind", "least speed over Valgrind", cpuTime, true, 1, "x", leastOverValgrind},
	{"nulgrind", "two threads over native", clockTime, false, 1.4, "x", worstOf(named("xz-2", "zstd-2"))},
	{"nulgrind", "translation", rateTime, true, 3, "M/s", rateOf},
	{"nulgrind", "start", startTime, false, 60, "ms", startOf},
	{"nulgrind", "resident at start", startTime, false, 40, "MB", residentOf},
	{"memcheck", "mean over native", cpuTime, false, 3, "x", meanOf(forMemcheck)},
	{"memcheck", "slowest program over native", cpuTime, false, 7, "x", worstOf(forMemcheck)},
	{"memcheck", "python3, sqlite3 over native", cpuTime, false, 4, "x", worstOf(named("python3", "sqlite3"))},
	{"memcheck", "compressors over native", cpuTime, false, 2.5, "x", worstOf(named("bzip2", "gzip", "xz", "zstd"))},
	{"memcheck", "malloc in a loop over native", cpuTime, false, 15, "x", worstOf(named("heap"))},
	{"memcheck", "mean speed over Valgrind", cpuTime, true, 6, "x", meanOverValgrind},
	{"memcheck", "least speed over Valgrind", cpuTime, true, 1, "x", leastOverValgrind},
	{"memcheck", "two and four threads over native", clockTime, false, 2.2, "x", worstOf(everyOne)},
	{"memcheck", "resident beside 1.6 times native", cpuTime, false, 60, "MB", beside(1.6, named("python3", "sqlite3"))},
	{"memcheck:--track-origins=yes", "over memcheck", cpuTime, false, 1.15, "x", overPlain},
	{"memcheck", "translation", rateTime, true, 2, "M/s", rateOf},
	{"memcheck", "start", startTime, false, 120, "ms", startOf},
	{counting, "mean over native", cpuTime, false, 2, "x", meanOf(everyOne)},
	{counting, "mean speed over Valgrind", cpuTime, true, 3, "x", meanOverValgrind},
	{simulating, "mean speed over Valgrind", cpuTime, true, 2.5, "x", meanOverValgrind},
	{"massif", "slowest that allocates rarely", cpuTime, false, 1.5, "x", worstOf(rareAllocs)},
	{"massif", "mean of those that allocate rarely", cpuTime, false, 1.5, "x", meanOf(rareAllocs)},
	{"massif", "least speed over Valgrind of those that allocate", cpuTime, true, 4, "x", func(t *table, j int) (float64, string, bool) {
		return t.overValgrind(j, true, func(p *program) bool { return p.allocs >= manyAllocs })
	}},
}

// Runners of the set "profilers" that goals are of.
const (
	counting   = "cachegrind:--cache-sim=no"
	simulating = "cachegrind:--cache-sim=yes"
)

// manyAllocs is what makes a program one that allocates much: a tenth of its time natively, at 20 ns for a block.
const manyAllocs = 5000

func rareAllocs(p *program) bool { return p.allocs == 0 }

// forMemcheck picks the programs that memcheck's mean is promised for.
var forMemcheck = named("bzip2", "gzip", "xz", "zstd", "lua", "python3", "perl", "sqlite3", "cc1", "nbody", "matrix", "sort", "virtual")

func everyOne(*program) bool { return true }

func meanOverValgrind(t *table, j int) (float64, string, bool) {
	return t.overValgrind(j, false, everyOne)
}

func leastOverValgrind(t *table, j int) (float64, string, bool) {
	return t.overValgrind(j, true, everyOne)
}

// printGoals writes a line for each goal of the tools that were measured.
func printGoals(w io.Writer, tables []*table) {
	for _, g := range goals {
		for _, t := range tables {
			if t.kind != g.kind {
				continue
			}
			for j, r := range t.under {
				if r.name != g.tool {
					continue
				}
				v, program, ok := g.value(t, j)
				if !ok {
					continue
				}
				verdict, bound := "reached", "at most"
				if g.least {
					bound = "at least"
				}
				if g.least && v < g.limit || !g.least && v > g.limit {
					verdict = "MISSED"
				}
				name := g.tool + ", " + g.what
				if program != "" {
					name += " (" + program + ")"
				}
				fmt.Fprintf(w, "%-48s %6.2f%s, %s %g%s: %s\n", name, v, g.unit, bound, g.limit, g.unit, verdict)
			}
		}
	}
}

// meanOf is the geometric mean of the ratios to native of the programs wanted.
func meanOf(wanted func(p *program) bool) func(t *table, j int) (float64, string, bool) {
	return func(t *table, j int) (float64, string, bool) {
		mean, n := t.mean(j, wanted)
		return mean, "", n > 0
	}
}

// named picks programs by name.
func named(names ...string) func(p *program) bool {
	return func(p *program) bool { return slices.Contains(names, p.name) }
}

func notCC1(p *program) bool { return p.name != "cc1" }

// worstOf is the greatest ratio to native of the programs wanted.
func worstOf(wanted func(p *program) bool) func(t *table, j int) (float64, string, bool) {
	return greatest(wanted, func(t *table, i, j int) float64 { return ratio(median(t.times[i][j]), median(t.native[i])) })
}

// greatest is the greatest value, of program i under runner j, of the programs wanted.
func greatest(wanted func(p *program) bool, value func(t *table, i, j int) float64) func(t *table, j int) (float64, string, bool) {
	return func(t *table, j int) (worst float64, program string, ok bool) {
		worst = math.Inf(-1)
		for i := range t.programs {
			p := &t.programs[i]
			if t.failed[i][j] != nil || !wanted(p) {
				continue
			}
			if v := value(t, i, j); v > worst {
				worst, program, ok = v, p.name, true
			}
		}
		return worst, program, ok
	}
}

// overValgrind is the mean, or the least, of how much faster runner j is than Valgrind's tool of its kind, over the programs wanted.
func (t *table) overValgrind(j int, leastOnly bool, wanted func(p *program) bool) (float64, string, bool) {
	k := t.counterpart(j)
	if k < 0 {
		return 0, "", false
	}
	mean, least, slowest, n := t.faster(j, k, wanted)
	if leastOnly {
		return least, slowest, n > 0
	}
	return mean, "", n > 0
}

func rateOf(t *table, j int) (float64, string, bool) {
	if len(t.rates[j]) == 0 {
		return 0, "", false
	}
	return t.rate(j) / 1e6, "", true
}

func startOf(t *table, j int) (float64, string, bool) {
	if len(t.programs) == 0 || len(t.times[0][j]) == 0 {
		return 0, "", false
	}
	return median(t.times[0][j]).Seconds() * 1e3, "", true
}

// residentOf is all of the memory that the process had: more than what the tool adds.
func residentOf(t *table, j int) (float64, string, bool) {
	if len(t.programs) == 0 {
		return 0, "", false
	}
	return float64(t.memory[0][j]) / 1024, "", t.memory[0][j] > 0
}

// beside is the most memory, in MB, that a program of those wanted has had beside times that of the native run.
func beside(times float64, wanted func(p *program) bool) func(t *table, j int) (float64, string, bool) {
	return greatest(wanted, func(t *table, i, j int) float64 {
		return (float64(t.memory[i][j]) - times*float64(t.memory[i][len(t.under)])) / 1024
	})
}

// overPlain is how many times the time of the tool without its option runner j takes, on the mean.
func overPlain(t *table, j int) (float64, string, bool) {
	tool, _, _ := strings.Cut(t.under[j].name, ":")
	k := slices.IndexFunc(t.under, func(r runner) bool { return r.name == tool })
	if k < 0 {
		return 0, "", false
	}
	mean, _, _, n := t.faster(k, j, everyOne)
	return mean, "", n > 0
}
