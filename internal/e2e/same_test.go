package e2e

import "testing"

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
