package debuginfo

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gogrind/internal/guest"
)

// seedObject builds a small object with debug information.
func seedObject(f testing.TB, flags ...string) string {
	f.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		f.Skip("gcc is not installed")
	}
	dir := f.TempDir()
	src, out := filepath.Join(dir, "prog.c"), filepath.Join(dir, "prog")
	const text = "static inline __attribute__((always_inline)) int g(int x) { return x * 3; }\n" +
		"int f(int x) { if (x) return g(x); return g(x + 1); }\n"
	if err := os.WriteFile(src, []byte(text), 0o644); err != nil {
		f.Fatal(err)
	}
	if b, err := exec.Command("gcc", append(flags, "-O2", "-g", "-shared", "-nostdlib", "-o", out, src)...).CombinedOutput(); err != nil {
		f.Fatalf("%v\n%s", err, b)
	}
	return out
}

// FuzzELF treats arbitrary bytes as an object and asks everything of it.
func FuzzELF(f *testing.F) {
	for _, flags := range [][]string{nil, {"-gz=zlib"}, {"-gz=zlib-gnu"}, {"-gdwarf-4", "-s"}} {
		b, err := os.ReadFile(seedObject(f, flags...))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := NewSpace(Options{Open: func(string) (File, error) { return nil, os.ErrNotExist }})
		o, err := s.AddMemory("fuzz", 0x400000, b)
		if err != nil {
			return
		}
		o.Soname()
		o.BuildID()
		o.Section(".eh_frame")
		o.SectionAt(o.Text.Start)
		n := 0
		o.Symbols(func(y Symbol) bool {
			s.Frames(y.Addr, nil)
			n++
			return n < 100
		})
		for a := o.Text.Start; a < o.Text.End && a < o.Text.Start+64; a += 7 {
			if s.Frames(a, nil) == nil {
				t.Error("no frame")
			}
			o.DataSymbol(a)
		}
		if s.Unmap(guest.Range{Start: 0, End: ^guest.Addr(0)}); len(s.Snapshot().Objects()) > 1 {
			t.Error("objects stay")
		}
	})
}

// FuzzDemangle: no name may crash or blow up the demangler.
func FuzzDemangle(f *testing.F) {
	for _, s := range []string{"_ZN2ns4LeakIiE4makeEi", "_ZN54_$LT$T$u20$as$u20$X$GT$3foo17h0123456789abcdefE", "_RNvC6_123foo3bar",
		"_ZSt12__get_helperILm1ESt14default_deleteIN2ns3FooIiEEEJEERT0_RSt11_Tuple_implIXT_EJS5_DpT1_EE@@V_1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := Demangle(s); got == "" && s != "" {
			t.Errorf("%q has become empty", s)
		}
	})
}
