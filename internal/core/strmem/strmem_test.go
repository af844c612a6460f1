package strmem

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

func pages(t *testing.T) func(n uint64) (guest.Range, error) {
	return func(n uint64) (guest.Range, error) {
		b, err := unix.Mmap(-1, 0, int(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Munmap(b) })
		a := addressOf(b)
		return guest.Range{Start: a, End: a + guest.Addr(n)}, nil
	}
}

func TestSet(t *testing.T) {
	s, err := New(false, pages(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Functions) != len(rows) {
		t.Fatalf("%d functions for %d rows", len(s.Functions), len(rows))
	}
	seen := map[string]bool{}
	for i := range s.Functions {
		f := &s.Functions[i]
		if seen[f.Symbol] {
			t.Errorf("%s has two rows", f.Symbol)
		}
		seen[f.Symbol] = true
		if f.Start%align != 0 || f.Len() < 8 || !s.Covers(f.Range) || f.Line == 0 {
			t.Errorf("%s at %v, line %d", f.Symbol, f.Range, f.Line)
		}
		if i > 0 && s.Functions[i-1].End > f.Start {
			t.Errorf("%s overlaps %s", f.Symbol, s.Functions[i-1].Symbol)
		}
		for _, pc := range []guest.Addr{f.Start, f.End - 1} {
			if got := s.At(pc); got != f {
				t.Errorf("at %v: %v, want %s", pc, got, f.Symbol)
			}
		}
	}
	for _, f := range s.Functions {
		if (f.Calls == "") != (f.Callee == 0) || f.Calls != "" && (f.Depth(f.Start) != 0 || f.Depth(f.Start+4) != frame || f.Depth(f.Callee-1) != 0) {
			t.Errorf("%s calls %q at %v, frames of %d, %d and %d bytes", f.Symbol, f.Calls, f.Callee, f.Depth(f.Start), f.Depth(f.Start+4), f.Depth(f.Callee-1))
		}
		if f.Calls != "" && guest.Bytes(f.Callee-1, 1)[0] != 0xc3 {
			t.Errorf("%s: no ret in front of what it calls", f.Symbol)
		}
	}
	for _, pc := range []guest.Addr{0, s.Start - 1, s.End - 1, s.End} {
		if f := s.At(pc); f != nil {
			t.Errorf("%s at %v", f.Symbol, pc)
		}
	}
	if (*Set)(nil).At(s.Start) != nil {
		t.Error("no set has a function")
	}
}

func TestNoMemory(t *testing.T) {
	want := errors.New("full")
	if _, err := New(true, func(uint64) (guest.Range, error) { return guest.Range{}, want }); !errors.Is(err, want) {
		t.Errorf("error %v", err)
	}
}

func TestMatches(t *testing.T) {
	s, err := New(false, pages(t))
	if err != nil {
		t.Fatal(err)
	}
	find := func(name string) *Function {
		for i := range s.Functions {
			if s.Functions[i].Symbol == name {
				return &s.Functions[i]
			}
		}
		t.Fatalf("no %s", name)
		return nil
	}
	for _, tc := range []struct {
		symbol, soname string
		indirect, want bool
	}{
		{"strlen", "libc.so.6", true, true},
		{"strlen", "libc.so.6", false, true},
		{"strlen", "libc.musl-x86_64.so.1", false, true},
		{"strlen", "ld-linux-x86-64.so.2", false, true},
		{"memset", "ld-linux-x86-64.so.2", false, false},
		{"index", "libfoo.so", false, false},
		{"index", "", false, false}, // a function of the program's own
		{"index", "", true, true},   // of a C library that is linked in
		{"strlen", "xlibc.so.6", true, false},
	} {
		if got := find(tc.symbol).Matches(tc.soname, tc.indirect); got != tc.want {
			t.Errorf("%s in %q, indirect %v: %v", tc.symbol, tc.soname, tc.indirect, got)
		}
	}
}
