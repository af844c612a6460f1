package report

import "testing"

// BenchmarkDuplicate is a finding in a hot loop: programs make millions.
func BenchmarkDuplicate(b *testing.B) {
	l := &Log{fd: -1}
	r := New(l, Config{Symbols: table{}, Stacks: interned{3: calls(0x1091ED)}})
	f := &Finding{Kind: "InvalidRead", Text: "Invalid read of size 4", SuppKind: "Addr4", Stack: 3, Thread: 1}
	b.ReportAllocs()
	for b.Loop() {
		r.Report(f)
	}
}
