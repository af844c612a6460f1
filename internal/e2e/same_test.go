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

// TestExecSignal runs execsignal with tools that execute themselves: what comes while a tool starts is not lost either, also where it has to
// start twice.
func TestExecSignal(t *testing.T) {
	for _, g := range s.guests(t, "same") {
		if !strings.HasPrefix(g.name, "execsignal/") {
			continue
		}
		exe := s.executable(t, g)
		want := s.run(t, native, command{argv: []string{exe}})
		for _, tool := range tools() {
			for _, script := range []string{`exec "$@"`, `ulimit -S -s unlimited; exec "$@"`} {
				t.Run(tool+"/"+script, func(t *testing.T) {
					t.Parallel()
					argv := []string{"/bin/sh", "-c", script, "sh"}
					if tool != native {
						argv = append(argv, s.toolPath(tool), "-q", "--trace-children=yes", "--log-file=/dev/null")
					}
					s.verdict(t, differ(want, s.run(t, native, command{argv: append(argv, exe), timeout: 2 * *limitFlag})))
				})
			}
		}
	}
}

// TestForkLoad is the long form of forkthreads: a thousand forks beside running threads. It takes a minute, and wants
// $GOGRIND_LONG.
func TestForkLoad(t *testing.T) {
	if os.Getenv("GOGRIND_LONG") == "" {
		s.skip(t, "a long test: GOGRIND_LONG=1 runs it")
	}
	for _, g := range s.guests(t, "same") {
		if !strings.HasPrefix(g.name, "forkthreads/") {
			continue
		}
		// What each child takes for its search for leaks, some 0.2 s, would be most of the time.
		c := command{argv: []string{s.executable(t, g)}, env: []string{"FORKS=1000"}, timeout: 5 * *limitFlag,
			options: []string{"--memcheck:leak-check=no"}}
		want := s.run(t, native, c)
		for _, tool := range tools() {
			t.Run(tool, func(t *testing.T) {
				s.verdict(t, differ(want, s.run(t, tool, c)))
			})
		}
	}
}
