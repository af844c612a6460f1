package e2e

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// chaosShort are the programs of the short form of TestChaos: children, threads, signals, and code made at run time.
var chaosShort = []string{"bash", "grep-r", "sort-threads", "zstd-threads", "perl"}

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
// is always full ($GOGRIND_CHAOS, internal/core/sched/chaos.go): nothing that can be seen differs. The short form takes some programs
// and one seed, $GOGRIND_CHAOS_SEEDS=n all programs and guests with n seeds.
func TestChaos(t *testing.T) {
	seeds := chaosSeeds(t)
	long := seeds > 0
	for seed := 1; seed <= max(seeds, 1); seed++ {
		env := fmt.Sprintf("GOGRIND_CHAOS=%d", seed)
		for _, p := range programs {
			if !long && !slices.Contains(chaosShort, p.name) {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", p.name, seed), func(t *testing.T) {
				t.Parallel()
				c := p.command(t)
				c.env = append(slices.Clone(c.env), env)
				if slices.Contains(chaosLarge, p.name) {
					c.env = append(c.env, "GOGRIND_CODECACHE=16000000")
				}
				chaosRun(t, c, p.natively(t, c))
			})
		}
		for _, g := range s.guests(t, "same") {
			if !long && !strings.HasPrefix(g.name, "signals/") && !strings.HasPrefix(g.name, "processes/") && !strings.HasPrefix(g.name, "smc/") {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d", g.name, seed), func(t *testing.T) {
				t.Parallel()
				c := command{argv: []string{s.executable(t, g)}, env: []string{env}, timeout: 2 * *limitFlag}
				chaosRun(t, c, s.run(t, native, c))
			})
		}
	}
}

// chaosRun runs c under each tool.
func chaosRun(t *testing.T, c command, want result) {
	for _, tool := range tools() {
		if tool == native {
			continue
		}
		t.Run(tool, func(t *testing.T) {
			s.verdict(t, differ(want, s.run(t, tool, c)))
		})
	}
}
