package cachegrind

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gogrind/internal/cgfile"
)

// Linker flags of executables that run guests, as in scripts/build.
const guestFlags = "-T=0x58001000 -E=stage0"

// lookFor finds programs or skips the test.
func lookFor(t *testing.T, names ...string) {
	t.Helper()
	for _, n := range names {
		if _, err := exec.LookPath(n); err != nil {
			t.Skipf("%s is not installed", n)
		}
	}
}

func execute(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// buildTool builds this tool's executable.
func buildTool(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "cachegrind")
	cmd := exec.Command("go", "build", "-ldflags="+guestFlags, "-o", out, "gogrind/cmd/cachegrind")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, b)
	}
	return out
}

// TestSameAsValgrind compares all counts of all functions and lines of a program with those of Valgrind.
func TestSameAsValgrind(t *testing.T) {
	lookFor(t, "valgrind", "as", "ld", "go")
	tool := buildTool(t)
	dir := t.TempDir()
	source, err := filepath.Abs("testdata/trace.s")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, dir, "as", "-g", "-o", "trace.o", source)
	execute(t, dir, "ld", "-o", "trace", "trace.o")
	for i, geo := range [][]string{
		{"--I1=32768,8,64", "--D1=32768,8,64", "--LL=1048576,16,64"},
		{"--I1=2048,2,32", "--D1=4096,1,64", "--LL=65536,4,64"},
		{"--I1=1024,1,32", "--D1=2048,4,32", "--LL=16384,2,32"},
	} {
		var got [2]*cgfile.Profile
		for j, argv := range [][]string{{"valgrind", "--tool=cachegrind"}, {tool}} {
			out := filepath.Join(dir, fmt.Sprintf("out%d.%d", i, j))
			args := append(append(argv[1:], "-q", "--cache-sim=yes", "--cachegrind-out-file="+out), geo...)
			execute(t, dir, argv[0], append(args, "./trace")...)
			if got[j], err = cgfile.ReadFile(out); err != nil {
				t.Fatal(err)
			}
			if err := got[j].Check(); err != nil {
				t.Error(err)
			}
		}
		if fmt.Sprint(got[0].Desc, got[0].Events) != fmt.Sprint(got[1].Desc, got[1].Events) {
			t.Errorf("%v: heads differ:\n%q %q\n%q %q", geo, got[0].Desc, got[0].Events, got[1].Desc, got[1].Events)
		}
		if got[0].Summary[0] < 800_000 || got[0].Summary[5] == 0 {
			t.Errorf("%v: too little happened: %v", geo, got[0].Summary)
		}
		if err := got[1].Accumulate(got[0], -1); err != nil {
			t.Fatal(err)
		}
		for _, f := range got[1].Funcs {
			for n, c := range f.Lines {
				for k, x := range c {
					if x != 0 {
						t.Errorf("%v: %s line %d: %d %s more than Valgrind", geo, f.Name, n, x, got[1].Events[k])
					}
				}
			}
		}
	}
}
