package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// findingsFile holds what Valgrind says of the programs of testdata/guest/fault.
const findingsFile = "testdata/e2e/findings.json"

// errorExit is what --error-exitcode gets.
const errorExit = 99

// stored is the content of findingsFile. Line tables and inlining are the compiler's, so reports hold for the compilers
// named only.
type stored struct {
	Valgrind  string            `json:"valgrind"`
	Compilers map[string]string `json:"compilers"`
	Reports   map[string]report `json:"reports"` // by name of the guest
}

// TestFaults compares what memcheck says of programs with seeded faults with what Valgrind says of them: the stored
// findings, or, for another compiler than theirs, those of the Valgrind that is installed.
func TestFaults(t *testing.T) {
	data, err := readStored()
	if err != nil {
		t.Fatal(err)
	}
	tool := faultTool(t)
	for _, g := range s.guests(t, "fault") {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			skipStatic(t, tool, g)
			exe := s.executable(t, g)
			want, ok := data.Reports[g.name]
			if !ok || data.Compilers[g.build[0]] != version(g.build[0]) {
				if _, err := exec.LookPath("valgrind"); err != nil {
					s.skip(t, "no findings are stored for this compiler, and Valgrind is not installed")
				}
				want = s.derive(t, g)
			}
			got := s.run(t, tool, faultCommand(exe))
			rep := parseLog(got.log, g.file)
			t.Run("findings", func(t *testing.T) { s.verdict(t, compareFindings(want.Findings, rep.Findings, got)) })
			if isStatic(g) {
				// Start-up code of static executables allocates too: only errors are the same.
				want.Summary, rep.Summary = last(want.Summary), last(rep.Summary)
			}
			t.Run("summary", func(t *testing.T) { s.verdict(t, compareSummary(want.Summary, rep.Summary, got)) })
			t.Run("status", func(t *testing.T) { s.verdict(t, compareStatus(want, got)) })
		})
	}
}

// TestCleanTwins: the same programs without their faults have no errors and, leaks apart, nothing to report.
func TestCleanTwins(t *testing.T) {
	tool := faultTool(t)
	for _, g := range s.guests(t, "fault") {
		if !g.twin {
			t.Errorf("%s has no CLEAN version", g.name)
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			skipStatic(t, tool, g)
			exe := s.executable(t, g, "CLEAN")
			want := s.run(t, native, command{argv: []string{exe}})
			c := faultCommand(exe)
			c.options = append(c.options, "--show-leak-kinds=definite,indirect,possible")
			got := s.run(t, tool, c)
			err := differ(want, got)
			if rep := parseLog(got.log, g.file); err == nil && len(rep.Findings) > 0 {
				err = fmt.Errorf("%d findings in a clean program:\n%s", len(rep.Findings), join(rep.Findings))
			}
			s.verdict(t, err)
		})
	}
}

// TestStoredFindings derives the expected findings again from the Valgrind that is installed. With -update, it stores
// them.
func TestStoredFindings(t *testing.T) {
	if _, err := exec.LookPath("valgrind"); err != nil {
		s.skip(t, "valgrind is not installed: stored findings are not derived again")
	}
	data, err := readStored()
	if err != nil {
		t.Fatal(err)
	}
	fresh := stored{Valgrind: version("valgrind"), Compilers: map[string]string{}, Reports: map[string]report{}}
	var mu sync.Mutex
	t.Run("derive", func(t *testing.T) {
		for _, g := range s.guests(t, "fault") {
			t.Run(g.name, func(t *testing.T) {
				t.Parallel()
				same := data.Valgrind == fresh.Valgrind && data.Compilers[g.build[0]] == version(g.build[0])
				if !same && !*updateFlag {
					s.skip(t, "another compiler or Valgrind than the stored findings are from")
				}
				rep := s.derive(t, g)
				mu.Lock()
				fresh.Compilers[g.build[0]] = version(g.build[0])
				fresh.Reports[g.name] = rep
				mu.Unlock()
				if want := data.Reports[g.name]; !*updateFlag && !reflect.DeepEqual(normal(rep), normal(want)) {
					t.Errorf("Valgrind says\n%s\n%s\nstored is\n%s\n%s", join(rep.Findings), strings.Join(rep.Summary, "\n"),
						join(want.Findings), strings.Join(want.Summary, "\n"))
				}
			})
		}
	})
	if *updateFlag && !t.Failed() {
		// What this run did not derive because of -run stays as it is.
		for _, g := range s.guests(t, "fault") {
			if old, ok := data.Reports[g.name]; ok && fresh.Reports[g.name].Summary == nil {
				fresh.Reports[g.name] = old
				fresh.Compilers[g.build[0]] = data.Compilers[g.build[0]]
			}
		}
		text, err := json.MarshalIndent(fresh, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.root, findingsFile), append(text, '\n'), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// normal is r after a round trip through JSON, which does not tell empty from nil.
func normal(r report) (n report) {
	text, err := json.Marshal(r)
	if err == nil {
		err = json.Unmarshal(text, &n)
	}
	if err != nil {
		panic(err) // strings always marshal
	}
	return n
}

func readStored() (data stored, err error) {
	text, err := os.ReadFile(filepath.Join(s.root, findingsFile))
	if os.IsNotExist(err) && *updateFlag {
		return data, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &data)
	}
	return data, err
}

// faultTool is the tool that finds faults: memcheck, or Valgrind's to test these tests.
func faultTool(t *testing.T) string {
	for _, tool := range []string{"memcheck", "valgrind"} {
		if slices.Contains(tools(), tool) {
			return tool
		}
	}
	s.skip(t, "memcheck is not among the tools of this run")
	return ""
}

func faultCommand(exe string) command {
	return command{argv: []string{exe}, options: []string{"--leak-check=full", "--show-leak-kinds=all", fmt.Sprintf("--error-exitcode=%d", errorExit)}}
}

// dynamic is g built dynamically with glibc. Valgrind replaces functions by preloading, so it knows nothing of the heap
// of static executables; what is to be found in them is what it finds in their dynamic form.
func dynamic(g guest) guest {
	g.build = slices.Clone(g.build)
	if g.build[0] == "musl-gcc" {
		g.build[0] = "gcc"
	}
	g.build = slices.DeleteFunc(g.build, func(a string) bool { return strings.HasPrefix(a, "-static") })
	if n := slices.Index(g.build, "target-feature=+crt-static"); n > 0 {
		g.build = slices.Delete(g.build, n-1, n+1)
	}
	return g
}

func isStatic(g guest) bool { return !slices.Equal(g.build, dynamic(g).build) }

func skipStatic(t *testing.T, tool string, g guest) {
	if tool == "valgrind" && isStatic(g) {
		s.skip(t, "Valgrind does not see the heap of static executables")
	}
}

// derive asks the installed Valgrind. Where it translates a callee together with the call, it gives accesses at the start of
// the callee to the call; it is kept from that.
func (s *suite) derive(t *testing.T, g guest) report {
	t.Helper()
	c := faultCommand(s.executable(t, dynamic(g)))
	c.options = append(c.options, "--vex-guest-chase=no")
	r := s.run(t, "valgrind", c)
	rep := parseLog(r.log, g.file)
	if len(rep.Summary) == 0 {
		t.Fatalf("Valgrind says nothing of %s%s", g.name, tail(r))
	}
	return rep
}

func compareFindings(want, got []finding, r result) error {
	if w, g := join(want), join(got); w != g || r.timedOut {
		return fmt.Errorf("findings %swant:\n%s\ngot:\n%s%s", firstDifference(w, g)+"\n", w, g, tail(r))
	}
	return nil
}

func compareSummary(want, got []string, r result) error {
	if d := firstDifference(strings.Join(want, "\n"), strings.Join(got, "\n")); d != "" {
		return fmt.Errorf("summary %s%s", d, tail(r))
	}
	return nil
}

// compareStatus: with --error-exitcode a program that ends by itself ends with that status if there were errors; the
// faults of a program that a signal ends do not change that.
func compareStatus(want report, r result) error {
	status := errorExit
	for _, f := range want.Findings {
		if strings.HasPrefix(f.Kind, "Process terminating with default action of signal 11") {
			status = 128 + 11
		}
	}
	if r.status != status {
		return fmt.Errorf("exit status %d, want %d%s", r.status, status, tail(r))
	}
	return nil
}

// last is the error summary.
func last(summary []string) []string {
	return summary[max(0, len(summary)-1):]
}

func join(list []finding) string {
	var b strings.Builder
	for _, f := range list {
		fmt.Fprintf(&b, "%v\n", f)
	}
	return b.String()
}

// version is the first line that a program says about itself.
func version(program string) string {
	out, err := exec.Command(program, "--version").Output()
	if err != nil {
		return err.Error()
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return first
}
