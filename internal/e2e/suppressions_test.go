package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var suppression = regexp.MustCompile(`(?ms)^\{\n.*?^\}\n`)

// TestSuppressions: what --gen-suppressions=all writes, ours and Valgrind's, suppresses all errors of the run after.
func TestSuppressions(t *testing.T) {
	tool := faultTool(t)
	sources := []string{tool}
	if _, err := exec.LookPath("valgrind"); err == nil && tool != "valgrind" {
		sources = append(sources, "valgrind")
	}
	for _, g := range s.guests(t, "fault") {
		if isStatic(g) {
			continue // Valgrind does not see their heap
		}
		for _, source := range sources {
			t.Run(g.name+"/"+source, func(t *testing.T) {
				t.Parallel()
				exe := s.executable(t, g)
				c := faultCommand(exe)
				c.options = append(c.options, "--gen-suppressions=all", "--errors-for-leak-kinds=all", "--vex-guest-chase=no")
				made := strings.Join(suppression.FindAllString(s.run(t, source, c).log, -1), "")
				file := filepath.Join(t.TempDir(), "made.supp")
				if err := os.WriteFile(file, []byte(made), 0o600); err != nil {
					t.Fatal(err)
				}
				c = faultCommand(exe)
				c.options = append(c.options, "--suppressions="+file, "--errors-for-leak-kinds=all", "--vex-guest-chase=no")
				got := s.run(t, tool, c)
				var err error
				// There is no kind of suppression for wrong pool addresses, in Valgrind neither.
				left := strings.Count(got.log, "Illegal memory pool address")
				if !strings.Contains(got.log, fmt.Sprintf("ERROR SUMMARY: %d errors", left)) || got.status == errorExit && left == 0 {
					err = fmt.Errorf("not all suppressed by\n%s%s", made, tail(got))
				}
				s.verdict(t, err)
			})
		}
	}
}
