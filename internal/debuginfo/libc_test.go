package debuginfo

import (
	"os"
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
