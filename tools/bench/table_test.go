package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestExpand(t *testing.T) {
	got := strings.Join(expand([]string{"nulgrind", "profilers", "memcheck:-v"}), " ")
	if !strings.HasPrefix(got, "nulgrind cachegrind:--cache-sim=no valgrind-cachegrind:--cache-sim=no ") || !strings.HasSuffix(got, " valgrind-massif memcheck:-v") {
		t.Error(got)
	}
}

func TestTable(t *testing.T) {
	tab := newTable(cpuTime, []program{{name: "one"}, {name: "two"}, {name: "three"}}, []runner{{name: "tool"}, {name: "valgrind-tool"}})
	for i, times := range [][]time.Duration{{100, 300, 200}, {100, 200}, {50}} {
		for _, d := range times {
			tab.native[i] = append(tab.native[i], d*time.Millisecond)
		}
	}
	tab.times[0][0] = []time.Duration{400 * time.Millisecond}
	tab.times[1][0] = []time.Duration{1200 * time.Millisecond}
	tab.times[0][1] = []time.Duration{1600 * time.Millisecond}
	tab.times[1][1] = []time.Duration{2400 * time.Millisecond}
	tab.times[2][1] = []time.Duration{100 * time.Millisecond}
	tab.fail(2, 0, errors.New("differs"))
	tab.fail(2, 0, errors.New("later"))
	var b strings.Builder
	tab.print(&b)
	want := `user+sys         native              tool     valgrind-tool
one               0.20s             2.00x             8.00x
two               0.15s             8.00x            16.00x
three             0.05s              fail             2.00x
mean                           4.00x of 2        6.35x of 3
tool is 2.8 times as fast as valgrind-tool on the mean of 2, 2.0 times on two
fail: three under tool: differs
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestStart(t *testing.T) {
	tab := newTable(startTime, []program{{name: "start"}}, []runner{{name: "nulgrind"}, {name: "memcheck"}})
	tab.native[0] = []time.Duration{700 * time.Microsecond}
	tab.times[0][0] = []time.Duration{14 * time.Millisecond}
	tab.memory[0][0] = 14 * 1024
	tab.fail(0, 1, errors.New("differs"))
	var b strings.Builder
	tab.print(&b)
	want := `start            native          nulgrind          memcheck
start             0.7ms       14.0ms 14MB              fail
fail: start under memcheck: differs
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestRate(t *testing.T) {
	tab := newTable(rateTime, []program{{name: "cc1-rate"}}, []runner{{name: "nulgrind"}, {name: "valgrind-none"}})
	tab.native[0] = []time.Duration{time.Second}
	tab.rates[0] = []float64{4e6, 5e6, 1e6, 4.5e6}
	var b strings.Builder
	tab.print(&b)
	want := `translation      native          nulgrind     valgrind-none
cc1-rate                          4.25M/s                 -
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// TestGoals has goals that are reached and missed, and some that nothing was measured for.
func TestGoals(t *testing.T) {
	cpu := newTable(cpuTime, []program{{name: "cc1"}, {name: "awk"}}, []runner{{name: "nulgrind"}, {name: "valgrind-none"}, {name: "memcheck"}})
	for i, ms := range []time.Duration{250, 200} {
		cpu.native[i] = []time.Duration{100 * time.Millisecond}
		cpu.times[i] = [][]time.Duration{{ms * time.Millisecond}, {400 * time.Millisecond}, {time.Second}}
	}
	rate := newTable(rateTime, []program{{name: "cc1-rate"}}, []runner{{name: "nulgrind"}, {name: "valgrind-none"}, {name: "memcheck"}})
	rate.rates[0] = []float64{4.5e6}
	start := newTable(startTime, []program{{name: "start"}}, []runner{{name: "nulgrind"}})
	start.times[0][0] = []time.Duration{14 * time.Millisecond}
	start.memory[0][0] = 14 * 1024
	var b strings.Builder
	printGoals(&b, []*table{cpu, rate, start})
	want := `nulgrind, mean over native                         2.24x, at most 1.25x: MISSED
nulgrind, slowest program over native (awk)        2.00x, at most 1.8x: MISSED
nulgrind, cc1 over native (cc1)                    2.50x, at most 3x: reached
nulgrind, mean speed over Valgrind                 1.79x, at least 3x: MISSED
nulgrind, least speed over Valgrind (cc1)          1.60x, at least 1x: reached
nulgrind, translation                              4.50M/s, at least 3M/s: reached
nulgrind, start                                   14.00ms, at most 60ms: reached
nulgrind, resident at start                       14.00MB, at most 40MB: reached
memcheck, mean over native                        10.00x, at most 3x: MISSED
memcheck, slowest program over native (cc1)       10.00x, at most 7x: MISSED
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// TestOptionGoals has goals that compare runners with each other, and memory with that of the native run.
func TestOptionGoals(t *testing.T) {
	tab := newTable(cpuTime, []program{{name: "python3"}, {name: "sqlite3"}, {name: "cc1"}}, []runner{{name: "memcheck"}, {name: "memcheck:--track-origins=yes"}})
	for i, row := range [][]time.Duration{{200, 220}, {200, 242}, {400, 440}} {
		tab.native[i] = []time.Duration{100 * time.Millisecond}
		for j, ms := range row {
			tab.times[i][j] = []time.Duration{ms * time.Millisecond}
		}
	}
	tab.memory = [][]int64{{60 << 10, 60 << 10, 10 << 10}, {100 << 10, 90 << 10, 20 << 10}, {500 << 10, 0, 10 << 10}}
	var b strings.Builder
	printGoals(&b, []*table{tab})
	for _, want := range []string{
		"memcheck, resident beside 1.6 times native (sqlite3)  68.00MB, at most 60MB: MISSED\n",
		"memcheck:--track-origins=yes, over memcheck        1.14x, at most 1.15x: reached\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no line\n%sin\n%s", want, b.String())
		}
	}
}

// TestProfilerGoals has a goal for some of the programs.
func TestProfilerGoals(t *testing.T) {
	tab := newTable(cpuTime, []program{{name: "rare"}, {name: "some", allocs: 700}, {name: "much", allocs: manyAllocs}},
		[]runner{{name: counting}, {name: "valgrind-" + counting}, {name: simulating}, {name: "valgrind-" + simulating}, {name: "massif"}, {name: "valgrind-massif"}})
	for i, row := range [][]time.Duration{{150, 600, 400, 1200, 140, 200}, {150, 600, 400, 1200, 900, 200}, {300, 600, 400, 1200, 300, 1500}} {
		tab.native[i] = []time.Duration{100 * time.Millisecond}
		for j, ms := range row {
			tab.times[i][j] = []time.Duration{ms * time.Millisecond}
		}
	}
	var b strings.Builder
	printGoals(&b, []*table{tab})
	want := `cachegrind:--cache-sim=no, mean over native        1.89x, at most 2x: reached
cachegrind:--cache-sim=no, mean speed over Valgrind   3.17x, at least 3x: reached
cachegrind:--cache-sim=yes, mean speed over Valgrind   3.00x, at least 2.5x: reached
massif, slowest that allocates rarely (rare)       1.40x, at most 1.5x: reached
massif, mean of those that allocate rarely         1.40x, at most 1.5x: reached
massif, least speed over Valgrind of those that allocate (much)   5.00x, at least 4x: reached
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
