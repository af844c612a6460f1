package massif

import (
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// step is an allocation of size bytes for a block, or when size is negative its release.
type step struct{ block, size int }

// steps are random allocations and releases with rises and falls.
func steps(r *rand.Rand, n int) []step {
	var out []step
	live := map[int]int{}
	var order []int
	for i := range n {
		grow := 60 // percent; in waves, so that there are many peaks
		if i/40%2 == 1 {
			grow = 40
		}
		if len(order) == 0 || r.Intn(100) < grow {
			s := 1 + r.Intn(1<<r.Intn(14))
			live[i] = s
			order = append(order, i)
			out = append(out, step{i, s})
			continue
		}
		k := r.Intn(len(order))
		b := order[k]
		order = append(order[:k], order[k+1:]...)
		out = append(out, step{b, -live[b]})
		delete(live, b)
	}
	return out
}

// record runs steps through a recorder with the time in bytes and 8 bytes of administration for each block.
func record(rec *recorder, list []step) {
	var u usage
	moved := int64(0)
	rec.normal(0, u)
	for _, s := range list {
		if s.size > 0 {
			u.heap += uint64(s.size)
			u.extra += 8
			moved += int64(s.size) + 8
		} else {
			rec.beforeFree(moved, u)
			u.heap -= uint64(-s.size)
			u.extra -= 8
			moved += int64(-s.size) + 8
		}
		rec.normal(moved, u)
	}
}

func newRecorder(size, freq int, inaccuracy float64) *recorder {
	return &recorder{max: size, detailedFreq: freq, inaccuracy: inaccuracy, detail: func() *detail { return &detail{} }}
}

// kind is a snapshot's heap_tree.
func kind(s *snapshot) string {
	switch {
	case s.peak:
		return "peak"
	case s.detail != nil:
		return "detailed"
	}
	return "empty"
}

func TestRecorderFirstSteps(t *testing.T) {
	rec := newRecorder(100, 3, 1)
	record(rec, []step{{0, 100}, {1, 50}, {0, -100}, {2, 10}, {2, -10}, {3, 1000}, {3, -1000}})
	var got []string
	for i := range rec.snaps {
		s := &rec.snaps[i]
		got = append(got, fmt.Sprintf("%d:%d+%d %s", s.time, s.use.heap, s.use.extra, kind(s)))
	}
	want := []string{
		"0:0+0 empty", "108:100+8 empty", "166:150+16 detailed", "166:150+16 detailed", "274:50+8 empty", "292:60+16 empty",
		"310:50+8 detailed", "1318:1050+16 empty", "1318:1050+16 peak", "2326:50+8 empty",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("snapshots:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestRecorderInvariants(t *testing.T) {
	for seed := range int64(30) {
		r := rand.New(rand.NewSource(seed))
		size := 10 + 2*r.Intn(60)
		inaccuracy := []float64{0, 1, 10}[r.Intn(3)]
		rec := newRecorder(size, 1+r.Intn(12), inaccuracy)
		list := steps(r, 3000)
		record(rec, list)
		if n := len(rec.snaps); n >= size || n < size/2 {
			t.Fatalf("seed %d: %d snapshots, between %d and %d expected", seed, n, size/2, size-1)
		}
		if rec.snaps[0].time != 0 {
			t.Errorf("seed %d: the first snapshot is gone", seed)
		}
		peaks := 0
		for i := range rec.snaps {
			if rec.snaps[i].peak {
				peaks++
			}
			if i > 0 && rec.snaps[i].time < rec.snaps[i-1].time {
				t.Fatalf("seed %d: snapshots %d and %d are in the wrong order", seed, i-1, i)
			}
		}
		if peaks != 1 {
			t.Errorf("seed %d: %d peaks", seed, peaks)
		}
		// The highest use before a release, by the plain definition.
		var use, most uint64
		for _, s := range list {
			if s.size < 0 {
				most = max(most, use)
				use -= uint64(-s.size) + 8
			} else {
				use += uint64(s.size) + 8
			}
		}
		got := rec.snaps[rec.peak()].use.total()
		if float64(got)*(1+inaccuracy/100)+1 < float64(most) || got > most {
			t.Errorf("seed %d: peak %d, the highest use is %d and the inaccuracy %v%%", seed, got, most, inaccuracy)
		}
	}
}

// TestRecorderAgainstValgrind lets Valgrind's Massif record the same steps. They are client requests, whose sizes no
// allocator rounds.
func TestRecorderAgainstValgrind(t *testing.T) {
	valgrind, err1 := exec.LookPath("valgrind")
	cc, err2 := exec.LookPath("cc")
	_, err3 := os.Stat("/usr/include/valgrind/valgrind.h")
	if err1 != nil || err2 != nil || err3 != nil {
		t.Skip("needs valgrind, its headers and a C compiler")
	}
	fields := regexp.MustCompile(`(?s)time=(\d+)\nmem_heap_B=(\d+)\nmem_heap_extra_B=(\d+)\nmem_stacks_B=0\nheap_tree=(\w+)`)
	for i, o := range []struct {
		max, freq  int
		inaccuracy float64
	}{{100, 10, 1}, {20, 3, 0}, {11, 1, 25}, {37, 7, 0.1}, {12, 2, 0}} {
		dir := t.TempDir()
		list := steps(rand.New(rand.NewSource(int64(i))), 700)
		var c strings.Builder
		c.WriteString("#include <valgrind/valgrind.h>\nstatic struct{int b,s;} v[] = {")
		for _, s := range list {
			fmt.Fprintf(&c, "{%d,%d},", s.block, s.size)
		}
		c.WriteString(`};
int main(void) {
	for (unsigned i = 0; i < sizeof v / sizeof *v; i++) {
		char *p = (char *)0x100000000 + v[i].b * 65536L;
		if (v[i].s > 0) VALGRIND_MALLOCLIKE_BLOCK(p, v[i].s, 0, 0);
		else VALGRIND_FREELIKE_BLOCK(p, 0);
	}
	return 0;
}`)
		src, exe, res := filepath.Join(dir, "p.c"), filepath.Join(dir, "p"), filepath.Join(dir, "out")
		if err := os.WriteFile(src, []byte(c.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(cc, "-o", exe, src).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		cmd := exec.Command(valgrind, "-q", "--command-line-only=yes", "--tool=massif", "--time-unit=B",
			fmt.Sprint("--max-snapshots=", o.max), fmt.Sprint("--detailed-freq=", o.freq),
			fmt.Sprint("--peak-inaccuracy=", o.inaccuracy), "--massif-out-file="+res, exe)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		text, err := os.ReadFile(res)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, m := range fields.FindAllStringSubmatch(string(text), -1) {
			want = append(want, strings.Join(m[1:], " "))
		}
		rec := newRecorder(o.max, o.freq, o.inaccuracy)
		record(rec, list)
		for j := range rec.snaps {
			s := &rec.snaps[j]
			got = append(got, fmt.Sprint(s.time, s.use.heap, s.use.extra, " ", kind(s)))
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%+v: snapshots:\n%s\nValgrind's:\n%s", o, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
