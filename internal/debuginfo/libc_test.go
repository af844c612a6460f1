package debuginfo

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

const libcPath = "/lib/x86_64-linux-gnu/libc.so.6"

// TestLibc looks at the system's libc: symbols are found fast, and with its debug symbols installed, lines are.
func TestLibc(t *testing.T) {
	if _, err := os.Stat(libcPath); err != nil {
		t.Skip("no libc at the usual place")
	}
	s, o := space(t, libcPath)
	start := time.Now()
	n := 0
	found := map[string]Symbol{}
	o.Symbols(func(y Symbol) bool {
		n++
		if y.Name == "malloc" || y.Name == "memcpy" || y.Name == "strlen" {
			found[y.Name] = y
		}
		return true
	})
	t.Logf("%d symbols in %v", n, time.Since(start))
	if len(found) != 3 || found["malloc"].Size == 0 || found["strlen"].Type != IFunc {
		t.Errorf("symbols: %+v", found)
	}
	if got := o.Soname(); got != "libc.so.6" {
		t.Errorf("soname %q", got)
	}
	start = time.Now()
	fs := s.Frames(found["malloc"].Addr, nil)
	t.Logf("%+v in %v", fs, time.Since(start))
	if fs[len(fs)-1].Fn != "malloc" {
		t.Errorf("frames of malloc: %+v", fs)
	}
	if d := o.DebugSection(".debug_info"); d == nil {
		t.Skip("no debug symbols of libc")
	}
	if fs[0].File != "malloc.c" {
		t.Errorf("frames of malloc: %+v", fs)
	}
}

// TestLibcLines compares positions and inlined calls all over libc with addr2line: partial units, a separate compressed
// file, thousands of units.
func TestLibcLines(t *testing.T) {
	if _, err := os.Stat(libcPath); err != nil {
		t.Skip("no libc at the usual place")
	}
	s, o := space(t, libcPath)
	if o.DebugSection(".debug_info") == nil {
		t.Skip("no debug symbols of libc")
	}
	pcs := textAddrs(o, 211)
	start := time.Now()
	var got [][]string
	for _, pc := range pcs {
		got = append(got, ours(s, pc))
	}
	t.Logf("%d addresses in %v", len(pcs), time.Since(start))
	want := addr2line(t, libcPath, pcs)
	compared, bad := 0, 0
	for i, pc := range pcs {
		if strings.HasSuffix(want[i][0], ":?") || strings.HasSuffix(want[i][0], ":0") || o.function(pc) == nil {
			continue
		}
		compared++
		// Lines only: for the innermost function binutils of 2022 name the unit's file whatever the table says.
		for _, l := range [][]string{got[i], want[i]} {
			for k := range l {
				l[k] = l[k][strings.LastIndexByte(l[k], ':')+1:]
			}
		}
		if !slices.Equal(got[i], want[i]) {
			if bad++; bad < 20 {
				t.Errorf("%v:\n got %q\nwant %q", pc, got[i], want[i])
			}
		}
	}
	if compared < 1000 || bad > 0 {
		t.Errorf("%d of %d differ", bad, compared)
	}
}
