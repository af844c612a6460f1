package cgannotate

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gogrind/internal/cgfile"
)

var update = flag.Bool("update", false, "write the golden files anew")

// call runs one of the programs.
func call(t *testing.T, f func([]string, *bytes.Buffer, *bytes.Buffer) int, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, err bytes.Buffer
	status = f(args, &out, &err)
	return out.String(), err.String(), status
}

func runAnnotate(args []string, o, e *bytes.Buffer) int { return Annotate(args, o, e) }
func runDiff(args []string, o, e *bytes.Buffer) int     { return Diff(args, o, e) }
func runMerge(args []string, o, e *bytes.Buffer) int    { return Merge(args, o, e) }

// keepOld makes sources older than profiles, so that no warning depends on how files got here.
func keepOld(t *testing.T) {
	t.Helper()
	then := time.Now().Add(-time.Hour)
	for _, f := range []string{"testdata/prog.c"} {
		if err := os.Chtimes(f, then, then); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGolden(t *testing.T) {
	keepOld(t)
	for _, c := range []struct {
		name string
		f    func([]string, *bytes.Buffer, *bytes.Buffer) int
		args string
	}{
		{"grouped", runAnnotate, "testdata/one.cgout"},
		{"grouped-sort", runAnnotate, "--show Dr,Ir --sort Dr --no-show-percs --context=1 --threshold 1 testdata/one.cgout"},
		{"grouped-quiet", runAnnotate, "--no-annotate testdata/one.cgout testdata/two.cgout"},
		{"grouped-diff", runAnnotate, "--diff --mod-filename=s/none/no/ testdata/one.cgout testdata/two.cgout"},
		{"classic", runAnnotate, "--style=3.19 testdata/one.cgout"},
		{"classic-sort", runAnnotate, "--show=Dr,Ir --sort=Dw:2,Ir:1 --show-percs=no --context=1 testdata/one.cgout"},
		{"classic-source", runAnnotate, "--auto=no testdata/one.cgout testdata/prog.c"},
		{"diff", runDiff, "testdata/one.cgout testdata/two.cgout"},
		{"merge", runMerge, "testdata/one.cgout testdata/two.cgout"},
	} {
		out, errs, status := call(t, c.f, strings.Fields(c.args)...)
		if status != 0 || strings.Contains(errs, "warning") {
			t.Errorf("%s: status %d: %s", c.name, status, errs)
		}
		file := filepath.Join("testdata", c.name+".golden")
		if *update {
			if err := os.WriteFile(file, []byte(out), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if out != string(want) {
			t.Errorf("%s: differs from %s (-update writes it anew):\n%s", c.name, file, out)
		}
	}
}

// TestSameAsInstalled compares with Valgrind's own programs of version 3.19, byte for byte.
func TestSameAsInstalled(t *testing.T) {
	const program = "cg_annotate"
	v, err := exec.Command(program, "--version").Output()
	if err != nil || !strings.HasPrefix(string(v), "cg_annotate-3.19") {
		t.Skip("no cg_annotate 3.19 is installed")
	}
	keepOld(t)
	for _, args := range []string{
		"testdata/one.cgout",
		"--threshold=0 --context=0 testdata/one.cgout",
		"--threshold=20 --context=2 testdata/one.cgout",
		"--show-percs=no --sort=Dw,Dr --show=Ir,Dw testdata/one.cgout",
		"--sort=Dr:1,Ir:0.5 testdata/one.cgout",
		"--auto=no testdata/one.cgout testdata/prog.c",
		"--auto=no testdata/two.cgout",
	} {
		want, err := exec.Command(program, strings.Fields(args)...).Output()
		if err != nil {
			t.Fatalf("%s: %v", args, err)
		}
		got, errs, status := call(t, runAnnotate, append([]string{"--style=3.19"}, strings.Fields(args)...)...)
		if status != 0 {
			t.Errorf("%s: %s", args, errs)
		}
		if got != string(want) {
			t.Errorf("%s:\ngot:\n%s\nwant:\n%s", args, got, want)
		}
	}
}

// TestSameAsInstalledRandom compares the lines that both print for random profiles; functions with equal counts come in any order
// there.
func TestSameAsInstalledRandom(t *testing.T) {
	const program = "cg_annotate"
	v, err := exec.Command(program, "--version").CombinedOutput()
	if !strings.HasPrefix(string(v), "cg_annotate-3.19") {
		t.Skipf("no cg_annotate 3.19 is installed: %v", err)
	}
	keepOld(t)
	sorted := func(b []byte) string {
		l := strings.Split(string(b), "\n")
		slices.Sort(l)
		return strings.Join(l, "\n")
	}
	file := filepath.Join(t.TempDir(), "cgout")
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := cgfile.New([]string{"Ir", "DLmr", "DLmw"}[:1+r.IntN(3)])
		p.Cmd = "./x"
		for range 1 + r.IntN(60) {
			f := p.Func([]string{"testdata/prog.c", "prog.c", "no/such.c", cgfile.Unknown}[r.IntN(4)], fmt.Sprint("f<", r.IntN(40), ">::g()"))
			for range 1 + r.IntN(4) {
				c := f.At(r.IntN(40), len(p.Events))
				for i := range c {
					c[i] += r.Int64N(1 << r.IntN(34))
				}
			}
		}
		p.Summary = p.Total()
		var b bytes.Buffer
		if err := p.Write(&b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		last := p.Events[len(p.Events)-1]
		for _, args := range [][]string{
			{file}, {"--threshold=2%", "--context=0", file}, {"--show-percs=no", "-I=testdata", file}, {"--sort=" + last + ":0.5%,Ir", "--auto=no", file},
			{"--sort=Ir:3", "--show=" + last, "-Itestdata/", file, "prog.c"}, {"--include=testdata", "--threshold=20", file}, {file, "nothing.c"},
		} {
			want, err := exec.Command(program, args...).Output()
			got, errs, status := call(t, runAnnotate, append([]string{"--style=3.19"}, args...)...)
			if (err != nil) != (status != 0) {
				t.Errorf("seed %d, %q: status %d, %v there: %s", seed, args, status, err, errs)
			}
			if err == nil && sorted([]byte(got)) != sorted(want) {
				t.Errorf("seed %d, %q:\ngot:\n%s\nwant:\n%s", seed, args, got, want)
			}
		}
	}
}

// TestReadByInstalled has Valgrind's programs read what ours write.
func TestReadByInstalled(t *testing.T) {
	if _, err := exec.LookPath("cg_annotate"); err != nil {
		t.Skip("no cg_annotate is installed")
	}
	for name, f := range map[string]func([]string, *bytes.Buffer, *bytes.Buffer) int{"diff": runDiff, "merge": runMerge} {
		out, _, _ := call(t, f, "testdata/one.cgout", "testdata/two.cgout")
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte(out), 0o666); err != nil {
			t.Fatal(err)
		}
		b, err := exec.Command("cg_annotate", "--auto=no", file).CombinedOutput()
		if err != nil || !strings.Contains(string(b), "PROGRAM TOTALS") {
			t.Errorf("%s: %v\n%s", name, err, b)
		}
	}
}

func TestErrors(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("cmd: x\nevents: Ir\nfl=a\nfn=b\n1 2\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(other, []byte("cmd: x\nevents: Ir\nfl=a\nfn=b\n1 2\nsummary: 3\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	one := "testdata/one.cgout"
	for _, c := range []struct {
		f    func([]string, *bytes.Buffer, *bytes.Buffer) int
		args []string
		want string
	}{
		{runAnnotate, nil, "usage: cg_annotate"},
		{runAnnotate, []string{"--nothing", one}, "unknown option --nothing"},
		{runAnnotate, []string{"/nowhere/x"}, "no such file"},
		{runAnnotate, []string{bad}, "missing final \"summary:\" line"},
		{runAnnotate, []string{"--sort=Xy", one}, "--sort event `Xy' did not appear in input"},
		{runAnnotate, []string{"--show=Xy", one}, "--show event `Xy' did not appear in input"},
		{runAnnotate, []string{"--threshold=21", one}, "a number from 0 to 20"},
		{runAnnotate, []string{"--threshold=nan", one}, "a number from 0 to 20"},
		{runAnnotate, []string{"--context=-1", one}, "a number of lines"},
		{runAnnotate, []string{"--style=4", one}, "--style is 3.19 or 3.21"},
		{runAnnotate, []string{one, "--threshold"}, "needs a value"},
		{runAnnotate, []string{"--mod-filename=x", one}, "bad substitution"},
		{runAnnotate, []string{"-I", "dir", one}, "without a blank"},
		{runAnnotate, []string{"--diff", one}, "two files"},
		{runAnnotate, []string{one, "nothing.c", "-Idir"}, "File nothing.c not found in any of:  dir/"},
		{runAnnotate, []string{one, other}, "don't match"},
		{runDiff, []string{one}, "usage: cg_diff"},
		{runDiff, []string{one, other}, "don't match"},
		{runDiff, []string{"--mod-funcname=s/(/x/", one, one}, "bad substitution"},
		{runMerge, nil, "cg_merge: usage"},
		{runMerge, []string{one, other}, "don't match"},
		{runMerge, []string{"-o", "/nowhere/x", one}, "no such file"},
	} {
		out, errs, status := call(t, c.f, c.args...)
		if status == 0 || !strings.Contains(errs, c.want) {
			t.Errorf("%v: status %d, %q, want %q", c.args, status, errs, c.want)
		}
		if out != "" {
			t.Errorf("%v: output in spite of an error: %.100q", c.args, out)
		}
	}
	if _, errs, status := call(t, runAnnotate, other); status != 0 || !strings.Contains(errs, "doesn't match the computed totals") {
		t.Errorf("wrong summary: status %d, %q", status, errs)
	}
}

func TestSubstitution(t *testing.T) {
	for _, c := range []struct{ expr, in, want string }{
		{"s/prog[0-9]/progN/", "/a/prog1/prog2", "/a/progN/prog2"},
		{"s/prog[0-9]/progN/g", "/a/prog1/prog2", "/a/progN/progN"},
		{"s/PROG/x/", "prog", "prog"},
		{"s/PROG/x/i", "prog", "x"},
		{"s/PROG/x/gi", "progprog", "xx"},
		{"s#/a/b#/c#", "/a/b/d", "/c/d"},
		{`s/\/a\//\/b\//`, "/a/x", "/b/x"},
		{`s/(.*)\.cc/\1.cpp/`, "f.cc", "f.cpp"},
		{`s/(.)(.)/$2$1/`, "ab$", "ba$"},
		{`s/17h[0-9a-f]{16}E/E/`, "_ZN17h0123456789abcdefE", "_ZNE"},
		{`s/x/$y/`, "x", "$y"},
	} {
		f, err := Substitution(c.expr)
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		if got := f(c.in); got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.expr, c.in, got, c.want)
		}
	}
	for _, bad := range []string{"", "s", "s/", "s/a/b", "s/a/b/x", "y/a/b/", "s/(/x/", "s/a/b/c/"} {
		if _, err := Substitution(bad); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}

func TestStyle(t *testing.T) {
	env := func(v string) func(string) (string, bool) {
		return func(string) (string, bool) { return v, v != "" }
	}
	for _, c := range []struct{ args, env, want string }{
		{"f", "", styleAuto},
		{"f", "3.19", styleClassic},
		{"--style=3.21 f", "3.19", styleGrouped},
		{"-Idir f", "", styleClassic},
		{"--sort=Ir:1 f", "", styleClassic},
	} {
		s, err := parse(strings.Fields(c.args), env(c.env))
		if err != nil || s.style != c.want {
			t.Errorf("%s with %q: %+v %v", c.args, c.env, s, err)
		}
	}
	if _, err := parse([]string{"f"}, env("5")); err == nil {
		t.Error("unknown style in the environment accepted")
	}
}

func TestMergeFile(t *testing.T) {
	out := filepath.Join(t.TempDir(), "sum")
	if _, errs, status := call(t, runMerge, "-o", out, "testdata/one.cgout", "testdata/two.cgout"); status != 0 {
		t.Fatal(errs)
	}
	p, err := cgfile.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(p.Summary, p.Total()); got != "[2489060 2426 1826] [2489060 2426 1826]" {
		t.Error(got)
	}
}

func TestCommas(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -999: "-999", 1234567: "1,234,567", -1 << 63: "-9,223,372,036,854,775,808"} {
		if got := commas(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

func TestConverters(t *testing.T) {
	dir := t.TempDir()
	folded, pb := filepath.Join(dir, "folded"), filepath.Join(dir, "x.pb.gz")
	for _, o := range []string{"--folded=" + folded, "--pprof=" + pb} {
		if out, errs, status := call(t, runAnnotate, o, "--sort=Dw", "testdata/one.cgout"); status != 0 || out != "" {
			t.Fatalf("%s: %q %q", o, out, errs)
		}
	}
	got, err := os.ReadFile(folded)
	const want = "/lib/none.c;core::fmt::write<T, U> 4\n???;??? 7\ntestdata/prog.c;main 2\ntestdata/prog.c;operator<< (std::ostream&) 900\n"
	if err != nil || string(got) != want {
		t.Errorf("%v, got:\n%s", err, got)
	}
	b, err := os.ReadFile(pb)
	if err != nil || !bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		t.Errorf("no compressed profile: %v", err)
	}
	for _, o := range []string{"--folded=/nowhere/x", "--pprof=/nowhere/x"} {
		if _, errs, status := call(t, runAnnotate, o, "testdata/one.cgout"); status == 0 || !strings.Contains(errs, "/nowhere/x") {
			t.Errorf("%s: %q", o, errs)
		}
	}
}
