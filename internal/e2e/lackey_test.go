package e2e

import (
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// lackeyCounts are lines of lackey's report about the programs of testdata/guest/lackey, counted by hand and the same under
// Valgrind 3.19 but for what package lackey says.
var lackeyCounts = map[string][]string{
	"branches": {
		"Counted 100 calls to f()",
		"  total:         800",
		"  taken:         499 (62%)",
		"  guest instrs:  4,454",
		"   I8            300          200          300",
		"   I16           100          100          100",
		"   I32           300          200          400",
		"   I64           850          650          500",
		"   F32           100          100            0",
		"   F64           100          100          300",
		"   V128          100          100            0",
		"Exit code:       7",
	},
	"strings": {
		"Counted 0 calls to f()",
		"  total:         10",
		"  taken:         9 (90%)",
		"  guest instrs:  594",
		"   I8            250           70            0",
		"   I64            50           50          100",
		"Exit code:       0",
	},
	"smc": {
		"  guest instrs:  654",
		"   I8              0          250            0",
		"   I64            50           50           50",
	},
	"masked": {
		"   I8              1            0            0",
		"   I32             5           13            2",
		"   V256            3            0            0",
	},
}

// maskedTrace are the accesses of testdata/guest/lackey/masked.s: its lanes and indices are in the source.
const maskedTrace = ` L 00402000,32
 L 00402000,32
 L 00402020,32
 L 00402040,4
 L 00402048,4
 L 0040204c,4
 L 00402054,4
 S 00402140,4
 S 00402148,8
 S 0040215c,4
 S 00402180,4
 S 00402188,4
 S 00402194,8
 S 004021c0,4
 S 004021c8,4
 S 004021d8,4
 S 004021bc,4
 M 00402044,4
 L 00402043,1
`

var lackeyPrefix = regexp.MustCompile(`(?m)^==\d+== ?`)

// counted is a log of lackey's without prefixes.
func counted(log string) []string { return strings.Split(lackeyPrefix.ReplaceAllString(log, ""), "\n") }

// comparable picks what Valgrind's lackey counts as ours does.
func comparable(lines []string) (same []string) {
	row := regexp.MustCompile(`^   ([IFV]\d+) +([\d,]+) +([\d,]+) +[\d,]+$`)
	for _, l := range lines {
		if m := row.FindStringSubmatch(l); m != nil {
			same = append(same, strings.Join(m[1:], " "))
		} else if strings.HasPrefix(l, "Counted") || strings.HasPrefix(l, "  guest instrs:") {
			same = append(same, l)
		}
	}
	return same
}

func TestLackey(t *testing.T) {
	if slices.Equal(tools(), []string{native}) {
		t.Skip("no tools are tested")
	}
	for _, g := range s.guests(t, "lackey") {
		name, _, _ := strings.Cut(g.name, "/")
		t.Run(name, func(t *testing.T) {
			program := s.executable(t, g)
			c := command{argv: []string{program}, options: []string{"--detailed-counts=yes", "--fnname=f"}}
			got := counted(s.run(t, "lackey", c).log)
			for _, want := range lackeyCounts[name] {
				if !slices.Contains(got, want) {
					t.Errorf("no line %q in:\n%s", want, strings.Join(got, "\n"))
				}
			}
			if _, err := exec.LookPath("valgrind"); err != nil {
				s.skip(t, "valgrind is not installed")
			}
			if name == "masked" {
				return // Valgrind 3.19 has no AVX-512
			}
			c.options = append(c.options, "--tool=lackey")
			if want := comparable(counted(s.run(t, "valgrind", c).log)); !slices.Equal(comparable(got), want) {
				t.Errorf("counts are\n%q\nand in Valgrind\n%q", comparable(got), want)
			}
		})
	}
}

// TestVersions compares how many instructions memcheck says that it has run, in all versions of code, with how many there are.
func TestVersions(t *testing.T) {
	if !slices.Contains(tools(), "memcheck") {
		t.Skip("memcheck is not tested")
	}
	said := regexp.MustCompile(`exact: about (\d+) instructions in fast code, (\d+) in dirty code`)
	stepped := regexp.MustCompile(`, (\d+) instructions stepped`)
	// As lackeyCounts, but a repeated instruction is one whatever it repeats: 32 in each of ten rounds, and 4.
	counts := map[string]int{"branches": 4454, "strings": 324}
	for _, g := range s.guests(t, "lackey") {
		name, _, _ := strings.Cut(g.name, "/")
		want, ok := counts[name]
		if !ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			log := s.run(t, "memcheck", command{argv: []string{s.executable(t, g)}, options: []string{"--stats=yes"}}).log
			m, x := said.FindStringSubmatch(log), stepped.FindStringSubmatch(log)
			if m == nil || x == nil {
				t.Fatalf("no counts in:\n%s", log)
			}
			got := 0
			for _, n := range []string{m[1], m[2], x[1]} {
				v, _ := strconv.Atoi(n)
				got += v
			}
			if got != want { // no code is dirty there
				t.Errorf("%s, %s: %d in all, want %d", m[0], x[0], got, want)
			}
		})
	}
}

// TestLackeyTrace compares traces of memory with Valgrind's, line by line, and the trace of a program that Valgrind cannot run
// with what it does.
func TestLackeyTrace(t *testing.T) {
	if slices.Equal(tools(), []string{native}) {
		t.Skip("no tools are tested")
	}
	stack := regexp.MustCompile(`(?m)^( [LSM] )1ff[0-9a-f]+`)
	for _, g := range s.guests(t, "lackey") {
		name, _, _ := strings.Cut(g.name, "/")
		t.Run(name, func(t *testing.T) {
			program := s.executable(t, g)
			trace := func(tool string, options ...string) string {
				c := command{argv: []string{program}, options: append(options, "--trace-mem=yes", "--basic-counts=no")}
				text := regexp.MustCompile(`(?m)^==.*\n`).ReplaceAllString(s.run(t, tool, c).log, "")
				return stack.ReplaceAllString(text, "${1}stack")
			}
			got := trace("lackey")
			if name == "masked" {
				if data := regexp.MustCompile(`(?m)^I.*\n`).ReplaceAllString(got, ""); data != maskedTrace {
					t.Errorf("trace is\n%swant\n%s", data, maskedTrace)
				}
				return
			}
			if _, err := exec.LookPath("valgrind"); err != nil {
				s.skip(t, "valgrind is not installed")
			}
			if want := trace("valgrind", "--tool=lackey"); got != want {
				gl, wl := strings.Split(got, "\n"), strings.Split(want, "\n")
				for i := range gl {
					if i >= len(wl) || gl[i] != wl[i] {
						t.Fatalf("line %d is %q, and of %d lines in Valgrind it is %q", i, gl[i], len(wl), wl[min(i, len(wl)-1)])
					}
				}
				t.Fatalf("%d lines, Valgrind has %d", len(gl), len(wl))
			}
		})
	}
}
