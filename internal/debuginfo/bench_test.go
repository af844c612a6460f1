package debuginfo

import (
	"os"
	"testing"
)

// BenchmarkSymbolsLibc is what mapping libc costs function replacement.
func BenchmarkSymbolsLibc(b *testing.B) {
	if _, err := os.Stat(libcPath); err != nil {
		b.Skip("no libc at the usual place")
	}
	for b.Loop() {
		s := NewSpace(Options{})
		o, err := s.AddImage(libcPath, 0)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		o.Symbols(func(Symbol) bool { n++; return true })
		if n < 2000 {
			b.Fatal(n)
		}
	}
}

// BenchmarkFirstFrameLibc is what the first printed frame in libc costs.
func BenchmarkFirstFrameLibc(b *testing.B) {
	if _, err := os.Stat(libcPath); err != nil {
		b.Skip("no libc at the usual place")
	}
	for b.Loop() {
		s := NewSpace(Options{})
		o, err := s.AddImage(libcPath, 0)
		if err != nil {
			b.Fatal(err)
		}
		s.Frames(o.Text.Start+0x10000, nil)
	}
}
