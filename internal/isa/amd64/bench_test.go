package amd64

import (
	"debug/elf"
	"os"
	"testing"
)

// text is the .text section of the C library, or of the test itself where there is none.
func benchText(tb testing.TB) []byte {
	name := "/lib/x86_64-linux-gnu/libc.so.6"
	if _, err := os.Stat(name); err != nil {
		name = "/proc/self/exe"
	}
	f, err := elf.Open(name)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	d, err := f.Section(".text").Data()
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// bench calls f for each instruction of the text, over and over.
func bench(b *testing.B, f func(in *Inst)) {
	d := benchText(b)
	var in Inst
	p := 0
	for b.Loop() {
		if p >= len(d) {
			p = 0
		}
		if Decode(d[p:], &in) != nil {
			p++
			continue
		}
		f(&in)
		p += int(in.Len)
	}
	b.ReportMetric(1e3*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "Minst/s")
}

func BenchmarkDecode(b *testing.B) { bench(b, func(in *Inst) {}) }

var sink int

func BenchmarkDecodeClass(b *testing.B) { bench(b, func(in *Inst) { sink += int(in.Class()) }) }

func BenchmarkDecodeOperands(b *testing.B) {
	buf := make([]Operand, 0, 16)
	bench(b, func(in *Inst) { buf = in.Operands(buf) })
}

func BenchmarkDecodeEffects(b *testing.B) {
	bench(b, func(in *Inst) { sink += int(in.Effects().Reads) })
}

func BenchmarkDecodeAccesses(b *testing.B) {
	buf := make([]Access, 0, 8)
	bench(b, func(in *Inst) { buf = in.MemAccesses(buf) })
}
