package dwarf

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTops: what is found by the ranges of functions is what a look at all of them finds, and holds as far as it is said to.
func TestTops(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("gcc is not installed")
	}
	var src strings.Builder
	src.WriteString("volatile int v; void cold(void) __attribute__((cold));\n")
	for i := range 30 {
		fmt.Fprintf(&src, "static inline __attribute__((always_inline)) int in%d(int x) { if (x == v) cold(); return x * %d; }\n", i, i+3)
		fmt.Fprintf(&src, "int f%d(int x) { int nested(int y) { return y + x + in%d(y); } v = in%d(x); return nested(v) + nested(x); }\n", i, i, i)
	}
	src.WriteString("void cold(void) { v = 1; }\n")
	dir := t.TempDir()
	out := filepath.Join(dir, "prog")
	if err := os.WriteFile(out+".c", []byte(src.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if b, err := exec.Command("gcc", "-g", "-O2", "-fPIC", "-shared", "-nostdlib", "-o", out, out+".c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	e, err := elf.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	d := New(Source{Warn: func(err error) { t.Error(err) }, Section: func(name string) (Contents, error) {
		s := e.Section(name)
		if s == nil {
			return nil, nil
		}
		b, err := s.Data()
		return Bytes(b), err
	}})
	text := e.Section(".text")
	u, _ := d.unitFor(text.Addr + text.Size/2)
	if u == nil {
		t.Fatal("no unit")
	}
	tr := u.loadTree()
	if len(tr.tops) < 60 {
		t.Fatalf("%d ranges of %d nodes: functions or their cold parts are missing", len(tr.tops), len(tr.nodes))
	}
	plain := &tree{nodes: tr.nodes, ranges: tr.ranges}
	var before []Call
	same := uint64(0) // calls are those before up to here
	for pc := text.Addr - 16; pc < text.Addr+text.Size+16; pc++ {
		got, end := tr.calls(u, pc, Position{}, nil)
		want, _ := plain.calls(u, pc, Position{}, nil)
		if !slices.Equal(got, want) {
			t.Fatalf("%#x: %v, want %v", pc, got, want)
		}
		if pc < same && !slices.Equal(got, before) {
			t.Fatalf("%#x: %v, and %v up to %#x", pc, got, before, same)
		}
		if end <= pc {
			t.Fatalf("%#x: up to %#x", pc, end)
		}
		before, same = got, end
	}
}
