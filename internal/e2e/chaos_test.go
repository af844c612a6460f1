package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// chaosShort are the programs of the short form of TestChaos: children, threads, signals.
var chaosShort = []string{"bash", "grep-r", "sort-threads", "zstd-threads", "perl"}

// chaosGuests are the guests of the short form.
var chaosGuests = []string{"signals", "processes", "smc", "wrap", "wrapown", "iouring"}

// chaosLarge are programs with so much code that a cache that is always full keeps them from getting anywhere.
var chaosLarge = []string{"cc1", "gcc", "gcc-children", "java", "java-version", "node", "node-workers"}

// chaosSeeds says how many seeds the long form has: $GOGRIND_CHAOS_SEEDS. 0 is the short form.
func chaosSeeds(t *testing.T) int {
	v := os.Getenv("GOGRIND_CHAOS_SEEDS")
	if v == "" {
		return 0
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("$GOGRIND_CHAOS_SEEDS is %q", v)
	}
	return n
}

// TestChaos runs programs with threads interrupted, delayed and thrown out of translated code at random, and with a code cache that
// is always full ($GOGRIND_CHAOS, internal/core/sched/chaos.go): nothing that can be seen differs, nor does memcheck report anything
// that it does not report undisturbed, or less. The short form takes some programs and one seed, $GOGRIND_CHAOS_SEEDS=n all programs
// and guests with n seeds.
func TestChaos(t *testing.T) {
	seeds := chaosSeeds(t)
	long := seeds > 0
	known, err := readDifferences(filepath.Join(s.root, differencesFile))
	if err != nil {
		t.Fatal(err)
	}
	for seed := 1; seed <= max(seeds, 1); seed++ {
		chaos := []string{fmt.Sprintf("GOGRIND_CHAOS=%d", seed)}
		for _, p := range programs {
			if !long && !slices.Contains(chaosShort, p.name) {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", p.name, seed), func(t *testing.T) {
				t.Parallel()
				c := p.command(t)
				if long {
					c.timeout *= 5
				}
				env := chaos
				if slices.Contains(chaosLarge, p.name) {
					env = append(slices.Clip(env), "GOGRIND_CODECACHE=16000000")
				}
				chaosRun(t, p.name, c, env, func(c command) result { return p.natively(t, c) }, known)
			})
		}
		for _, g := range s.guests(t, "same") {
			if stem, _, _ := strings.Cut(g.name, "/"); !long && !slices.Contains(chaosGuests, stem) {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", g.name, seed), func(t *testing.T) {
				t.Parallel()
				c := command{argv: []string{s.executable(t, g)}, timeout: 2 * *limitFlag}
				chaosRun(t, g.name, c, chaos, func(c command) result { return s.run(t, native, c) }, known)
			})
		}
	}
}

// chaosTimed are guests in which memcheck reports what depends on when threads run: Go's runtime has stacks of its own, and so many
// reports, as with Valgrind, that the limit ends them.
var chaosTimed = []string{"goroutines/gobuild"}

// chaosRun runs c with env under each tool. What differs by nature is in known.
func chaosRun(t *testing.T, name string, c command, env []string, natively func(c command) result, known []difference) {
	disturbed := c
	disturbed.env = slices.Concat(c.env, env)
	want := natively(disturbed)
	for _, tool := range tools() {
		if tool == native {
			continue
		}
		t.Run(tool, func(t *testing.T) {
			if tool != "memcheck" || slices.Contains(chaosTimed, name) {
				s.verdict(t, differ(want, s.run(t, tool, disturbed)))
				return
			}
			reports, got := s.reports(t, tool, disturbed)
			calm, _ := s.reports(t, tool, c)
			// Where a process was when it was killed is chance.
			killed := func(r string) bool {
				return strings.HasPrefix(r, "Process terminating with default action of signal 15")
			}
			s.verdict(t, errors.Join(differ(want, got), compareReports(name, slices.DeleteFunc(reports, killed), slices.DeleteFunc(calm, killed), known)))
		})
	}
}
