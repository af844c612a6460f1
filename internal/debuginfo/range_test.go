package debuginfo

import (
	"os"
	"slices"
	"testing"

	"gogrind/internal/guest"
)

// TestFramesRange: what FramesRange says of a range, Frames says of each address in it, in libraries with and without debug
// information and in a C++ program with inlined calls; and Begin is where the offset of the function in Frames is 0.
func TestFramesRange(t *testing.T) {
	paths := []string{build(t, ".cc", rangeSource, "g++", "-g", "-O2")}
	for _, p := range []string{libcPath, "/usr/bin/perl"} {
		if _, err := os.Stat(p); err == nil {
			paths = append(paths, p)
		}
	}
	for _, path := range paths {
		s, o := space(t, path)
		all, ranges := 0, 0
		same := func(a, b []Frame) bool {
			return slices.EqualFunc(a, b, func(x, y Frame) bool {
				x.PC, x.Offset, y.PC, y.Offset = 0, 0, 0, 0
				return x == y
			})
		}
		stop := o.Text.Start + min(guest.Addr(o.Text.Len()), 200_000)
		for pc := o.Text.Start; pc < stop; {
			want, end := s.FramesRange(pc, nil)
			if end <= pc || end > o.Text.End {
				t.Fatalf("%s: range of %v ends at %v", path, pc, end)
			}
			for _, a := range []guest.Addr{pc, pc + 1, pc + (end-pc)/2, end - 1} {
				if a >= end {
					continue
				}
				all++
				got := s.Frames(a, nil)
				if !same(got, want) {
					t.Errorf("%s: %v: %+v, but %+v at %v", path, a, got, want, pc)
				}
				if begin := a - guest.Addr(got[len(got)-1].Offset); s.Begin(a) != begin {
					t.Errorf("%s: %v: its function begins at %v, want %v", path, a, s.Begin(a), begin)
				}
			}
			ranges++
			pc = end
		}
		if t.Logf("%s: %d ranges", path, ranges); ranges < 20 || t.Failed() {
			t.Fatalf("%s: %d ranges, %d addresses", path, ranges, all)
		}
	}
}

const rangeSource = `
#include <cstdio>
#include <map>
#include <string>
static inline int twice(int x) { return x + x; }
struct S { std::map<std::string, int> m; int add(const char *k, int v) { return m[k] += twice(v); } };
int main(int argc, char **argv) {
	S s;
	int sum = 0;
	for (int i = 0; i < argc; i++)
		sum += s.add(argv[i], i);
	std::printf("%d\n", sum);
}
`
