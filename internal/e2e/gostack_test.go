package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestGoRuntime: of a Go program that uses much of the runtime and of net/http, its one null pointer is reported and nothing else.
func TestGoRuntime(t *testing.T) {
	tool := faultTool(t)
	for _, g := range s.guests(t, "same") {
		if !strings.HasPrefix(g.name, "goroutines/") {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			got := s.run(t, tool, command{argv: []string{s.executable(t, g)}})
			var err error
			if strings.Count(got.log, " at 0x") != 1 || !strings.Contains(got.log, "Invalid write of size 8\n") ||
				!strings.Contains(got.log, "Address 0x0 is not stack'd, malloc'd or (recently) free'd") ||
				!strings.Contains(got.log, "ERROR SUMMARY: 1 errors from 1 contexts") {
				err = fmt.Errorf("want one invalid write:%s", tail(got))
			}
			s.verdict(t, err)
		})
	}
}
