package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// corpusRuns is how often a program with threads runs.
const corpusRuns = 20

var (
	threadWords = regexp.MustCompile(`thread #?\d+`)
	// Valgrind names the source file of the unit that included the header.
	startPlace = regexp.MustCompile(`created by thread_ \([^)]*\)`)
	leakCount  = regexp.MustCompile(`^(definitely lost|indirectly lost|possibly lost|still reachable): [\d,]+ (\([^)]*\) )?bytes in [\d,]+ blocks`)
)

// TestCorpusThreads runs the corpus's programs by two and four threads of one process at once, many times each: the findings
// are those of every other run, and of Valgrind's. What differs by nature is left out: their order, whose thread, and what was
// still reachable in this moment.
func TestCorpusThreads(t *testing.T) {
	if !corpusAsks("threads") {
		s.skip(t, corpusEnv+" does not ask for threads")
	}
	tool := faultTool(t)
	_, err := exec.LookPath("valgrind")
	for _, p := range s.corpus(t, false) {
		if p.once || p.clean || p.build[0] == "rustc" {
			continue
		}
		for _, threads := range []string{"THREADS=2", "THREADS=4"} {
			t.Run(p.name+"/"+threads[len("THREADS="):], func(t *testing.T) {
				t.Parallel()
				q := p
				q.build = append(slices.Clip(q.build), "-pthread")
				c := q.command(s.executable(t, q.guest, threads))
				var want []string
				if err == nil {
					want = inThreads(s.deriveProgram(t, q, threads), p)
				}
				for n := range corpusRuns {
					r := s.run(t, tool, c)
					got := inThreads(parseLog(r.log, p.file), p)
					if want == nil {
						want = got
					}
					if !slices.Equal(got, want) {
						s.verdict(t, fmt.Errorf("run %d of %d finds\n%s\nnot\n%s%s", n+1, corpusRuns, strings.Join(got, "\n"),
							strings.Join(want, "\n"), tail(r)))
						return
					}
				}
				s.verdict(t, nil)
			})
		}
	}
}

// inThreads are the findings of r, which is of p, that do not depend on when threads run.
func inThreads(r report, p seeded) (list []string) {
	sameWords(&r)
	if p.loose {
		sameFaults(&r)
	}
	p.shorten(&r)
	for _, f := range r.Findings {
		if strings.HasPrefix(f.Kind, "still reachable") {
			continue
		}
		f.Kind = leakCount.ReplaceAllString(f.Kind, "$1")
		f.Where = startPlace.ReplaceAllString(threadWords.ReplaceAllString(f.Where, "thread N"), "created by thread_")
		list = append(list, f.String())
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// TestCorpusSuppressions: suppressions that are made of the corpus's findings suppress them, ours and Valgrind's. A quick run
// takes every tenth program.
func TestCorpusSuppressions(t *testing.T) {
	tool := faultTool(t)
	sources, consumers := []string{tool}, []string{tool}
	if _, err := exec.LookPath("valgrind"); err == nil && corpusAsks("consumers") {
		sources, consumers = append(sources, "valgrind"), append(consumers, "valgrind")
	}
	n := 0
	for _, p := range s.corpus(t, false) {
		if n++; p.clean || n%10 != 0 && !corpusAsks("consumers") {
			continue
		}
		for _, source := range sources {
			for _, consumer := range consumers {
				if source == consumer && source == "valgrind" {
					continue
				}
				t.Run(p.name+"/"+source+"-"+consumer, func(t *testing.T) {
					t.Parallel()
					s.suppressed(t, p, source, consumer)
				})
			}
		}
	}
}

// suppressed makes suppressions of what source finds in p, and lets consumer use them.
func (s *suite) suppressed(t *testing.T, p seeded, source, consumer string) {
	c := p.command(s.executable(t, p.guest))
	all := []string{"--show-leak-kinds=all", "--errors-for-leak-kinds=all", "--vex-guest-chase=no"}
	c.options = slices.Concat(c.options, all, []string{"--gen-suppressions=all"})
	first := s.run(t, source, c)
	made := strings.Join(suppression.FindAllString(first.log, -1), "")
	file := filepath.Join(t.TempDir(), "made.supp")
	if err := os.WriteFile(file, []byte(made), 0o600); err != nil {
		t.Fatal(err)
	}
	c = p.command(c.argv[0])
	c.options = slices.Concat(c.options, all, []string{"--suppressions=" + file})
	got := s.run(t, consumer, c)
	var err error
	if !strings.Contains(got.log, "ERROR SUMMARY: 0 errors") || got.status == errorExit {
		err = fmt.Errorf("not all suppressed by\n%s%s", made, tail(got))
	}
	s.verdict(t, err)
}
