package redir

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
func object(t *testing.T) *debuginfo.Object { return named(t, source, "libx.so.1", base) }

// named compiles a library with the given soname and maps it at a.
func named(t *testing.T, source, soname string, a guest.Addr) *debuginfo.Object {
	t.Helper()
	dir := t.TempDir()
	src, out := filepath.Join(dir, "x.c"), filepath.Join(dir, "libx.so")
	if err := os.WriteFile(src, []byte(source), 0o666); err != nil {
		t.Fatal(err)
	}
	if msg, err := exec.Command("gcc", "-shared", "-fPIC", "-Wl,-soname,"+soname, "-o", out, src).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	s := debuginfo.NewSpace(debuginfo.Options{})
	for _, off := range []uint64{0, 0x1000} {
		if o := s.Map(out, a+guest.Addr(off), 0x1000, off, off != 0); o != nil {
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
	tab.Forget(guest.Range{Start: base, End: base + 0x100000}, func(a guest.Addr) { t.Errorf("%v is back", a) })
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

const wrapping = `
int _vgw00000ZU_libx_plain(void) { return 3; }
int _vgr00020ZU_libxZa_other(void) { return 4; }
int _vgr00021ZU_libxZa_other(void) { return 5; }
int _vgr00030ZU_libxZa_other(void) { return 6; }
int _vgr00000ZU_NONE_absent(void) { return 7; }
`

// TestBring: replacements that come with an object hold for objects before and after it, and go with it.
func TestBring(t *testing.T) {
	for _, first := range []bool{true, false} {
		target := named(t, source, "libx", base)
		guests := named(t, wrapping, "liby", 2*base)
		addr := map[string]guest.Addr{}
		for _, o := range []*debuginfo.Object{target, guests} {
			o.Symbols(func(s debuginfo.Symbol) bool {
				addr[s.Name] = s.Addr
				return true
			})
		}
		tab := New(nil, nil)
		var found []guest.Addr
		note := func(h Hook) { found = append(found, h.Addr) }
		do := func(to guest.Addr) any { return to }
		order := []*debuginfo.Object{target, guests}
		if !first {
			slices.Reverse(order)
		}
		for i, o := range order {
			tab.Bring(o, order[:i+1], do, note)
		}
		if n, ok := tab.At(addr["plain"]); !ok || tab.Get(n).Spec.Do != addr["_vgw00000ZU_libx_plain"] {
			t.Errorf("plain is not wrapped")
		}
		if to, ok := tab.To(addr["other"]); !ok || to != addr["_vgr00021ZU_libxZa_other"] {
			t.Errorf("other goes to %v", to)
		}
		if len(found) != 3 {
			t.Errorf("found %v", found)
		}
		var back []guest.Addr
		tab.Forget(guests.Text, func(a guest.Addr) { back = append(back, a) })
		if len(back) != 2 {
			t.Errorf("%v are back", back)
		}
		if _, ok := tab.At(addr["plain"]); ok {
			t.Error("plain is still wrapped")
		}
		found = nil
		tab.Bring(guests, order, do, note)
		if len(found) != 3 {
			t.Errorf("found %v when the object is back", found)
		}
	}
}
