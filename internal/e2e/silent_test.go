package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestSilentThreads: a thread that switches reports of its errors off is told of when it ends, and switches them off for nobody else.
func TestSilentThreads(t *testing.T) {
	tool := faultTool(t)
	for _, g := range s.guests(t, "options") {
		if !strings.HasPrefix(g.name, "silent/") {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			got := s.run(t, tool, command{argv: []string{s.executable(t, g)}})
			var err error
			warned := strings.Count(got.log, " WARNING: exiting thread has error reporting disabled.\n")
			if warned != 2 || !strings.Contains(got.log, "is 1 bytes after a block of size 10 alloc'd") || !strings.Contains(got.log, "ERROR SUMMARY: 1 errors from 1 contexts") {
				err = fmt.Errorf("%d warnings, want 2 and one error:%s", warned, tail(got))
			}
			s.verdict(t, err)
		})
	}
}
