package redir

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
)

const source = `
int plain(void) { return 1; }
extern __typeof(plain) alias __attribute__((alias("plain")));
static void *choose(void) { return plain; }
int chosen(void) __attribute__((ifunc("choose")));
int other(void) { return 2; }
`

const (
	base = 0x10000000
	to   = guest.Addr(0x7000)
)

// object compiles source and maps it at base.
func object(t *testing.T) *debuginfo.Object {
	t.Helper()
	dir := t.TempDir()
	src, out := filepath.Join(dir, "x.c"), filepath.Join(dir, "libx.so")
	if err := os.WriteFile(src, []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	if msg, err := exec.Command("gcc", "-shared", "-fPIC", "-Wl,-soname,libx.so.1", "-o", out, src).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	s := debuginfo.NewSpace(debuginfo.Options{})
	for _, off := range []uint64{0, 0x1000} {
		if o := s.Map(out, base+guest.Addr(off), 0x1000, off, off != 0); o != nil {
			return o
		}
	}
	t.Fatal("not an object")
	return nil
}

func in(soname string) func(string) bool { return func(s string) bool { return s == soname } }

func TestScan(t *testing.T) {
	o := object(t)
	addr := map[string]guest.Addr{}
	o.Symbols(func(s debuginfo.Symbol) bool {
		addr[s.Name] = s.Addr
		return true
	})
	var lines int
	tab := New([]Spec{
		{Symbol: "alias", Matches: in("libx.so.1"), To: to}, // before plain, which has the same address
		{Symbol: "plain", Matches: in("libx.so.1"), To: to + 1},
		{Symbol: "chosen", Matches: in("libx.so.1"), Indirect: in("libx.so.1"), To: to + 2},
		{Symbol: "other", Matches: in("liby.so.1")},
		{Symbol: "other", Matches: in("libx.so.1"), Do: 7},
	}, func(string, ...any) { lines++ })
	found := map[string]Hook{}
	tab.Scan(o, func(h Hook) { found[h.Spec.Symbol] = h })
	if len(found) != 3 || lines != 3 {
		t.Fatalf("found %v, %d lines", found, lines)
	}
	if a, ok := tab.To(addr["plain"]); !ok || a != to {
		t.Errorf("plain goes to %v, %v", a, ok)
	}
	if _, ok := tab.At(addr["plain"]); ok {
		t.Error("plain is a hook")
	}
	if n, ok := tab.At(addr["chosen"]); !ok || !tab.Get(n).Resolver || tab.Get(n).Spec.To != to+2 {
		t.Errorf("chosen: hook %v", ok)
	}
	if _, ok := tab.To(addr["chosen"]); ok {
		t.Error("the function that chooses is itself replaced")
	}
	if n, ok := tab.At(addr["other"]); !ok || tab.Get(n).Spec.Do != 7 {
		t.Errorf("other: hook %v", ok)
	}
	tab.Scan(o, func(h Hook) { t.Errorf("%s again", h.Spec.Symbol) })
	tab.Forget(guest.Range{Start: base, End: base + 0x100000})
	for name, a := range addr {
		_, hook := tab.At(a)
		if _, redirected := tab.To(a); hook || redirected {
			t.Errorf("%s is replaced, but the object is gone", name)
		}
	}
}

func TestAdd(t *testing.T) {
	tab := New(nil, nil)
	first, second := &Spec{Do: 1}, &Spec{Do: 2}
	tab.Add(5, first)
	tab.Add(5, second)
	n, ok := tab.At(5)
	if !ok || tab.Get(n).Spec != first {
		t.Error("the first one does not count")
	}
}
