package debuginfo

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestDemangle(t *testing.T) {
	for raw, want := range map[string]string{
		"main":                      "main",
		"_Znwm":                     "operator new(unsigned long)",
		"_ZdaPvmSt11align_val_t":    "operator delete[](void*, unsigned long, std::align_val_t)",
		"_ZNSaIcEC1Ev@@GLIBCXX_3.4": "std::allocator<char>::allocator()@@GLIBCXX_3.4",
		"_ZN4core9core_arch3x867__m128i8as_i8x1617h0123456789abcdefE":                      "core::core_arch::x86::__m128i::as_i8x16",
		"_ZN54_$LT$T$u20$as$u20$alloc..string..SpecToString$GT$17spec17h0123456789abcdefE": "_ZN54_$LT$T$u20$as$u20$alloc..string..SpecToString$GT$17spec17h0123456789abcdefE",
		"_ZN5x_$LT3foo17h0123456789abcdefE":                                                "x_$LT::foo",
		"_ZN19_$LT$T$u20$as$u20$X3foo17h0123456789abcdefE":                                 "<T as X::foo",
		"_RNvC6_123foo3bar": "123foo::bar",
		"_Zjunk":            "_Zjunk",
		"_ZN":               "_ZN",
	} {
		if got := Demangle(raw); got != want {
			t.Errorf("Demangle(%q) = %q, want %q", raw, got, want)
		}
	}
}

// TestDemangleAgainstFilt compares with binutils' c++filt, whose demangler is the one that Valgrind has, over the symbols
// of the C++ library.
func TestDemangleAgainstFilt(t *testing.T) {
	if _, err := exec.LookPath("c++filt"); err != nil {
		t.Skip("c++filt is not installed")
	}
	const lib = "/usr/lib/x86_64-linux-gnu/libstdc++.so.6"
	if _, err := os.Stat(lib); err != nil {
		t.Skip("no libstdc++ at the usual place")
	}
	_, o := space(t, lib)
	var raw []string
	o.Symbols(func(s Symbol) bool {
		if strings.HasPrefix(s.Name, "_Z") {
			raw = append(raw, s.Name)
		}
		return true
	})
	c := exec.Command("c++filt", "-i") // -i: not verbose, as Valgrind
	c.Stdin = strings.NewReader(strings.Join(raw, "\n") + "\n")
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(string(out), "\n")
	if len(raw) < 1000 || len(want) < len(raw) {
		t.Fatalf("%d names, %d answers", len(raw), len(want))
	}
	for i, r := range raw {
		if got := Demangle(r); got != want[i] {
			t.Errorf("%s:\n got %s\nwant %s", r, got, want[i])
		}
	}
}
