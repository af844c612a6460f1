package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// codeModes are ways to run code in which memcheck finds the same, in the same order. The environments are equally long: addresses on
// the stack depend on them.
var codeModes = []struct {
	name string
	env  []string
}{
	{"normal", []string{"GOGRIND_EXACT=none", "GOGRIND_CHAOS=0", "GOGRIND_CODECACHE=......"}},
	{"exact", []string{"GOGRIND_EXACT=only", "GOGRIND_CHAOS=0", "GOGRIND_CODECACHE=......"}},
	{"chaos", []string{"GOGRIND_EXACT=none", "GOGRIND_CHAOS=1", "GOGRIND_CODECACHE=......"}},
	{"chaos2", []string{"GOGRIND_EXACT=none", "GOGRIND_CHAOS=2", "GOGRIND_CODECACHE=300000"}},
}

// TestModes: whether code runs in its fast version as far as possible, is stepped instruction by instruction, or is thrown from one to
// the other at random, memcheck says the same word for word: of the programs with seeded faults, of the corpus, and of their twins. A
// quick run takes a sample, $GOGRIND_CORPUS=modes all.
func TestModes(t *testing.T) {
	tool := faultTool(t)
	if tool == "valgrind" {
		s.skip(t, "Valgrind has one version of code")
	}
	const sample = 16
	n := 0
	one := func(name, twinName string, g guest, c func(exe string) command) {
		for _, twin := range []string{"", "TWIN", "CLEAN"} {
			if twin != "" && twin != twinName {
				continue
			}
			t.Run(name+"/"+strings.ToLower(twin), func(t *testing.T) {
				t.Parallel()
				s.sameInModes(t, tool, c(s.executable(t, g, strings.Fields(twin)...)))
			})
		}
	}
	for _, g := range s.guests(t, "fault") {
		if n++; n%sample == 0 || corpusAsks("modes") {
			one(g.name, "CLEAN", g, faultCommand)
		}
	}
	for _, p := range s.corpus(t, false) {
		if n++; n%sample == 0 || corpusAsks("modes") {
			one(p.name, "TWIN", p.guest, p.command)
		}
	}
}

// sameInModes runs c in all modes.
func (s *suite) sameInModes(t *testing.T, tool string, c command) {
	run := func(t *testing.T, mode int) result {
		c := c
		c.env = slices.Concat(c.env, codeModes[mode].env, []string{"HOME=/nowhere"})
		return s.run(t, tool, c)
	}
	base := run(t, 0)
	for i, mode := range codeModes[1:] {
		t.Run(mode.name, func(t *testing.T) {
			got := run(t, i+1)
			var err error
			switch {
			case got.timedOut || got.status != base.status:
				err = fmt.Errorf("status %d, timed out %v; %d without%s", got.status, got.timedOut, base.status, tail(got))
			case got.stdout != base.stdout:
				err = fmt.Errorf("output %s", firstDifference(base.stdout, got.stdout))
			default:
				if d := firstDifference(modeText(base.log), modeText(got.log)); d != "" {
					err = fmt.Errorf("log %s%s", d, tail(got))
				}
			}
			s.verdict(t, err)
		})
	}
}

// modeNoise is what differs between any two runs: process numbers.
var modeNoise = regexp.MustCompile(`(?m)^(?:==|--)\d+(?:==|--)(?: Parent PID: \d+)?`)

func modeText(log string) string {
	return modeNoise.ReplaceAllString(strings.TrimSpace(log), "")
}
