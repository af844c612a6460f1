package e2e

import "testing"

// TestEnds: exit statuses and fatal signals are the program's own.
func TestEnds(t *testing.T) {
	ways := []string{"return", "exit", "_exit", "abort", "segv", "fpe", "ill", "trap", "kill", "term", "rt", "segv-sent",
		"segv-ignored", "segv-blocked", "jump", "overflow", "pipe"}
	for _, g := range s.guests(t, "run") {
		for _, how := range ways {
			t.Run(g.name+"/"+how, func(t *testing.T) {
				t.Parallel()
				c := command{argv: []string{s.executable(t, g), how}}
				want := s.run(t, native, c)
				for _, tool := range tools() {
					t.Run(tool, func(t *testing.T) {
						s.verdict(t, differ(want, s.run(t, tool, c)))
					})
				}
			})
		}
	}
}
