package e2e

import (
	"os"
	"strings"
	"testing"
)

// TestSame runs the programs of testdata/guest/same natively and under each tool: nothing that can be seen differs.
func TestSame(t *testing.T) {
	for _, g := range s.guests(t, "same") {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			exe := s.executable(t, g)
			c := command{argv: []string{exe, "first", "second argument"}}
			want := s.run(t, native, c)
			if want.timedOut || want.status >= 128 || want.stdout == "" {
				t.Fatalf("does not work natively: status %d, timed out %v%s", want.status, want.timedOut, tail(want))
			}
			for _, tool := range tools() {
				t.Run(tool, func(t *testing.T) {
					s.verdict(t, differ(want, s.run(t, tool, c)))
				})
			}
		})
	}
}

// TestForkLoad is the long form of forkthreads: a thousand forks beside running threads. It takes a minute or two, and wants
// $GOGRIND_LONG.
func TestForkLoad(t *testing.T) {
	if os.Getenv("GOGRIND_LONG") == "" {
		s.skip(t, "a long test: GOGRIND_LONG=1 runs it")
	}
	for _, g := range s.guests(t, "same") {
		if !strings.HasPrefix(g.name, "forkthreads/") {
			continue
		}
		c := command{argv: []string{s.executable(t, g)}, env: []string{"FORKS=1000"}, timeout: 5 * *limitFlag}
		want := s.run(t, native, c)
		for _, tool := range tools() {
			t.Run(tool, func(t *testing.T) {
				s.verdict(t, differ(want, s.run(t, tool, c)))
			})
		}
	}
}
