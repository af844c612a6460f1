package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// results are the ways in which testdata/guest/run/results.c ends. A program that ran is told by the number of rounds that its
// function after made, 0 if it did not come there, -1 for another program.
var results = []struct {
	how      string
	options  []string
	after    []int // ascending
	profiles int
}{
	{how: "exit", after: []int{5}, profiles: 1},
	{how: "term", after: []int{0}, profiles: 1},
	{how: "abort", after: []int{0}, profiles: 1},
	{how: "thread", after: []int{7}, profiles: 1},
	{how: "fork", after: []int{10, 20}, profiles: 2},
	{how: "forkexec", after: []int{5}, profiles: 1},
	{how: "forkexec", options: []string{"--trace-children=yes"}, after: []int{-1, 5}, profiles: 2},
	{how: "exec", after: []int{0}, profiles: 1},
	{how: "exec", options: []string{"--trace-children=yes"}, after: []int{-1, 0}, profiles: 2},
	{how: "noexec", after: []int{5}, profiles: 1},
	{how: "noexec", options: []string{"--trace-children=yes"}, after: []int{5}, profiles: 1},
}

// TestResults: a profiler leaves a result for each process, however it ends, in a file of its own, whatever name was asked for.
func TestResults(t *testing.T) {
	list, err := readGuests(filepath.Join(s.root, "testdata/guest/run/results.c"))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range list {
		exe := s.executable(t, g)
		for _, tool := range []string{"cachegrind", "massif"} {
			for _, named := range []bool{false, true} {
				for _, c := range results {
					dir := s.dir(t)
					args := append([]string{"-q"}, c.options...)
					if named {
						args = append(args, "--"+tool+"-out-file=result", "--pprof=result.pb.gz")
					}
					if tool == "massif" {
						args = append(args, "--detailed-freq=1", "--threshold=0", "--time-unit=B")
					}
					cmd := exec.Command(s.toolPath(tool), append(append(args, exe), c.how)...)
					cmd.Dir = dir
					out, _ := cmd.CombinedOutput()
					files, err := filepath.Glob(filepath.Join(dir, "*"))
					if err != nil {
						t.Fatal(err)
					}
					var got []int
					profiles := 0
					for _, f := range files {
						if strings.Contains(f, ".pb.gz") {
							profiles++
							continue
						}
						got = append(got, rounds(t, tool, f))
					}
					slices.Sort(got)
					if !slices.Equal(got, c.after) || profiles != c.profiles {
						t.Errorf("%s %q %s: results of %v, %d profiles, want %v, %d\n%s", g.name, args, c.how, got, profiles, c.after, c.profiles, out)
					}
				}
			}
		}
	}
}

// TestResultLimit: the limit that a program has for the size of its files is not one for results, and stays what it was for the program
// that it executes.
func TestResultLimit(t *testing.T) {
	for _, tool := range []string{"cachegrind", "massif"} {
		cmd := exec.Command("/bin/sh", "-c", `ulimit -S -f 1; exec "$0" -q --trace-children=yes /bin/sh -c 'exec sh -c "ulimit -f"'`, s.toolPath(tool))
		cmd.Dir = s.dir(t)
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != "1\n" {
			t.Errorf("%s: %v\n%s", tool, err, out)
		}
		files, err := filepath.Glob(filepath.Join(cmd.Dir, tool+".out.*"))
		if err != nil || len(files) != 2 {
			t.Errorf("%s: results %q, %v", tool, files, err)
		}
		for _, f := range files {
			if st, err := os.Stat(f); err != nil || st.Size() <= 512 {
				t.Errorf("%s: %s: %v, %v", tool, f, st, err)
			}
		}
	}
}

// afterBytes are what function after allocated, in massif's tree.
var afterBytes = regexp.MustCompile(`: (\d+)000 0x\w+: after \(`)

// rounds finds out how many rounds function after made, by the result of a tool.
func rounds(t *testing.T, tool, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^cmd: .*results`).Match(text) {
		return -1
	}
	if tool == "cachegrind" {
		const insts = 2 // of function turn
		return int(irByFunction(t, file)["turn"]) / insts
	}
	most := 0
	for _, m := range afterBytes.FindAllSubmatch(text, -1) {
		n, _ := strconv.Atoi(string(m[1])) // digits
		most = max(most, n)
	}
	return most
}
