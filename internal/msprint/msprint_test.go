package msprint

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
)

// sample is a file with all that there is: plain, detailed and peak snapshots, inlined calls, rests.
const sample = `desc: --time-unit=B
cmd: ./prog 1 2
time_unit: B
#-----------
snapshot=0
#-----------
time=0
mem_heap_B=0
mem_heap_extra_B=0
mem_stacks_B=0
heap_tree=empty
#-----------
snapshot=1
#-----------
time=1200
mem_heap_B=1000
mem_heap_extra_B=200
mem_stacks_B=0
heap_tree=peak
n4: 1000 (heap allocation functions) malloc/new/new[], --alloc-fns, etc.
 n1: 500 0x1000: inner(int, char (*)()) (x.cc:1)
  n2: 500 0x1000: outer (x.cc:2)
   n0: 300 0x2000: main (x.cc:3)
   n0: 150 0x2010: main (x.cc:4)
 n0: 300 0x5000: ??? (in /usr/lib/libx.so.1)
 n0: 190 0x9000: i (y.c:7)
 n0: 10 in 1 place, below massif's threshold (1.00%)
#-----------
snapshot=2
#-----------
time=2000
mem_heap_B=300
mem_heap_extra_B=100
mem_stacks_B=0
heap_tree=empty
`

func read(t *testing.T, text string) *File {
	t.Helper()
	f, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestPrint(t *testing.T) {
	var out bytes.Buffer
	f := read(t, sample)
	if err := f.Print(&out, Options{Args: []string{"--x=12", "file"}, Threshold: 5, Width: 12, Height: 4}); err != nil {
		t.Fatal(err)
	}
	want := ruler + `
Command:            ./prog 1 2
Massif arguments:   --time-unit=B
ms_print arguments: --x=12 file
` + ruler + `


    KB
1.172^       #### 
     |       #    
     |       #    
     |       #   :
   0 +----------->KB
     0       1.953

Number of snapshots: 3
 Detailed snapshots: [1 (peak)]

` + ruler + `
  n        time(B)         total(B)   useful-heap(B) extra-heap(B)    stacks(B)
` + ruler + `
  0              0                0                0             0            0
  1          1,200            1,200            1,000           200            0
83.33% (1,000B) (heap allocation functions) malloc/new/new[], --alloc-fns, etc.
->41.67% (500B) 0x1000: inner(int, char (*)()) (x.cc:1)
| ->41.67% (500B) 0x1000: outer (x.cc:2)
|   ->25.00% (300B) 0x2000: main (x.cc:3)
|   | 
|   ->12.50% (150B) 0x2010: main (x.cc:4)
|     
->25.00% (300B) 0x5000: ??? (in /usr/lib/libx.so.1)
| 
->15.83% (190B) 0x9000: i (y.c:7)
| 
->00.83% (10B) in 1+ places, all below ms_print's threshold (05.00%)

` + ruler + `
  n        time(B)         total(B)   useful-heap(B) extra-heap(B)    stacks(B)
` + ruler + `
  2          2,000              400              300           100            0
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestScale(t *testing.T) {
	for _, c := range []struct {
		v          uint64
		unit       string
		text, name string
	}{
		{999, "i", "999", "i"}, {1000, "i", "0.977", "ki"}, {99949999, "i", "95.32", "Mi"}, {1e18, "i", "888.2", "Pi"},
		{999, "ms", "999", "ms"}, {1500, "ms", "1.500", "s"}, {3599000, "ms", "3599.0", "s"}, {3600000, "ms", "1.000", "h"},
		{1023, "B", "0.999", "KB"}, {1 << 30, "B", "1.000", "GB"}, {1 << 60, "B", "1.000", "EB"},
	} {
		if text, name := scale(c.v, units[c.unit]); text != c.text || name != c.name {
			t.Errorf("scale(%d %s) = %s %s, want %s %s", c.v, c.unit, text, name, c.text, c.name)
		}
	}
}

func TestReadErrors(t *testing.T) {
	for name, text := range map[string]string{
		"empty":          "",
		"no snapshots":   "desc: x\ncmd: y\ntime_unit: i\n",
		"unit":           strings.Replace(sample, "time_unit: B", "time_unit: days", 1),
		"cut off":        sample[:strings.Index(sample, "  n2: 500")],
		"number":         strings.Replace(sample, "time=1200", "time=12x", 1),
		"kind":           strings.Replace(sample, "heap_tree=peak", "heap_tree=oak", 1),
		"tree":           strings.Replace(sample, "n0: 190 ", "190 ", 1),
		"missing field":  strings.Replace(sample, "mem_heap_B=1000\n", "", 1),
		"children":       strings.Replace(sample, "n4: 1000", "n5: 1000", 1),
		"other contents": "# callgrind format\nversion: 1\n",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestProfile(t *testing.T) {
	b, err := read(t, sample).Profile()
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := b.Write(&buf); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Parse(&buf)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range p.Sample {
		line := fmt.Sprint(s.Value[0])
		for _, l := range s.Location {
			line += fmt.Sprintf(" %#x", l.Address)
			for _, fn := range l.Line {
				line += fmt.Sprintf(" %s@%s:%d", fn.Function.Name, fn.Function.Filename, fn.Line)
			}
		}
		got = append(got, line)
	}
	want := []string{
		"300 0x1000 inner(int, char (*)())@x.cc:1 outer@x.cc:2 0x2000 main@x.cc:3",
		"150 0x1000 inner(int, char (*)())@x.cc:1 outer@x.cc:2 0x2010 main@x.cc:4",
		"50 0x1000 inner(int, char (*)())@x.cc:1 outer@x.cc:2",
		"300 0x5000 [libx.so.1]@:0",
		"190 0x9000 i@y.c:7",
		"10 0x0 [below threshold]@:0",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("samples:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCommand(t *testing.T) {
	dir := t.TempDir()
	file, prof := filepath.Join(dir, "massif.out.1"), filepath.Join(dir, "p.pb.gz")
	if err := os.WriteFile(file, []byte(sample), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		has  string
	}{
		{[]string{file}, 0, "Number of snapshots: 3"},
		{[]string{"--folded", file}, 0, "main;outer;inner(int, char (*)()) 450\n"},
		{[]string{"--pprof=" + prof, file}, 0, ""},
		{[]string{"--version"}, 0, "ms_print-"},
		{[]string{"--help"}, 0, "usage: ms_print"},
		{[]string{"-h"}, 0, "usage: ms_print"},
		{nil, exitUsage, "usage: ms_print"},
		{[]string{"--x=3", file}, exitUsage, "between 4 and 1000"},
		{[]string{"--threshold=101", file}, exitUsage, "between 0 and 100"},
		{[]string{file + "x"}, exitFile, "no such file"},
		{[]string{"--pprof=/dev/full", file}, exitFile, "no space"},
	} {
		var out bytes.Buffer
		if code := Main(c.args, &out, &out); code != c.code || !strings.Contains(out.String(), c.has) {
			t.Errorf("ms_print %q: exit code %d, want %d with %q in:\n%s", c.args, code, c.code, c.has, out.String())
		}
	}
	if st, err := os.Stat(prof); err != nil || st.Size() == 0 {
		t.Errorf("no profile: %v", err)
	}
}

// TestAgainstValgrind compares the output for random files with that of Valgrind's ms_print.
func TestAgainstValgrind(t *testing.T) {
	theirs, err := exec.LookPath("ms_print")
	if err != nil {
		t.Skip("needs Valgrind's ms_print")
	}
	// It exits with a status other than 0.
	if v, _ := exec.Command(theirs, "--version").CombinedOutput(); strings.TrimSpace(string(v)) != version {
		t.Skipf("needs %s, found %q", version, v)
	}
	name := filepath.Join(t.TempDir(), "massif.out")
	for seed := range int64(40) {
		r := rand.New(rand.NewSource(seed))
		text := random(r)
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		args := []string{fmt.Sprint("--x=", 4+r.Intn(120)), fmt.Sprint("--y=", 4+r.Intn(40)),
			"--threshold=" + []string{"0", "1", "2.5", "33.33"}[r.Intn(4)], name}
		want, err := exec.Command(theirs, args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if code := Main(args, &got, &got); code != 0 || got.String() != string(want) {
			t.Errorf("seed %d, %q: exit code %d, output differs:\n%s\nwant:\n%s", seed, args, code, got.String(), want)
		}
	}
}

// random is a file of Massif's.
func random(r *rand.Rand) string {
	var b strings.Builder
	fmt.Fprintf(&b, "desc: (none)\ncmd: ./x 1\ntime_unit: %s\n", []string{"i", "ms", "B"}[r.Intn(3)])
	n := 1 + r.Intn(100)
	peak, time, most, step := r.Intn(2*n), 0, 1+r.Intn(1<<(1+r.Intn(40))), 1+r.Intn(1<<(1+r.Intn(30)))
	for i := range n {
		heap, stacks := r.Intn(most), 0
		if r.Intn(3) == 0 {
			stacks = r.Intn(most)
		}
		fmt.Fprintf(&b, "#-----------\nsnapshot=%d\n#-----------\ntime=%d\nmem_heap_B=%d\nmem_heap_extra_B=%d\nmem_stacks_B=%d\n",
			i, time, heap, r.Intn(1+most/10), stacks)
		switch {
		case i == peak:
			b.WriteString("heap_tree=peak\n")
			randomTree(r, &b, heap, 0)
		case r.Intn(8) == 0:
			b.WriteString("heap_tree=detailed\n")
			randomTree(r, &b, heap, 0)
		default:
			b.WriteString("heap_tree=empty\n")
		}
		if r.Intn(3) != 0 {
			time += r.Intn(step)
		}
	}
	return b.String()
}

func randomTree(r *rand.Rand, b *strings.Builder, bytes, depth int) {
	text := "(heap allocation functions) malloc/new/new[], --alloc-fns, etc."
	if depth > 0 {
		text = []string{"0x12AB: foo(int, char (*)()) (x.c:12)", "in 4 places, all below massif's threshold (1.00%)"}[r.Intn(2)]
	}
	n := 0
	if depth < 5 {
		n = r.Intn(5)
	}
	fmt.Fprintf(b, "%*sn%d: %d %s\n", depth, "", n, bytes, text)
	for range n {
		part := r.Intn(bytes + 1)
		randomTree(r, b, part, depth+1)
		bytes -= part
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sample)
	f.Add(random(rand.New(rand.NewSource(1))))
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Read(strings.NewReader(text))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := file.Print(&out, Options{Threshold: 1, Width: 72, Height: 20}); err != nil {
			t.Error(err)
		}
		if b, err := file.Profile(); err == nil {
			if err := b.Write(&out); err != nil {
				t.Error(err)
			}
		}
	})
}
