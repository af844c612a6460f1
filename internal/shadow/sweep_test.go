package shadow

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

// TestSweep: pieces that say nothing but "defined" take no memory any more, and nothing changes in what the shadow says.
func TestSweep(t *testing.T) {
	const n = 8 << 20
	m := window(t, 16<<20)
	if err := m.UseTemplate(100); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(m.template)
	if err := m.UseSweep(100); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(m.pagemap)
	block := rng(0x10000, 0x10000+n)
	if err := m.Map(block); err != nil {
		t.Fatal(err)
	}
	m.MakeUndefined(block)

	// Pieces as they lie in the shadow, whose first one is a place that the map chooses.
	s, _ := m.shadowOf(block)
	at := guest.Addr((s+sweepPiece-1)&^(sweepPiece-1) - m.dist)
	piece := func(i uint64) guest.Range {
		a := at + guest.Addr(i*sweepPiece)
		return guest.Range{Start: a, End: a + sweepPiece}
	}
	// By pieces that are too small to be mapped anew at once, as single stores do it.
	define := func(r guest.Range) {
		for a := r.Start; a < r.End; a += 512 {
			m.MakeDefined(guest.Range{Start: a, End: a + 512})
		}
	}
	const full, late, changed = 100, 102, 103
	for i := range uint64(full) {
		define(piece(i))
	}
	m.MakeUndefined(guest.Range{Start: piece(7).End - 1, End: piece(7).End})
	m.MakeNoAccess(guest.Range{Start: piece(9).Start, End: piece(9).Start + 1})
	define(guest.Range{Start: piece(full).Start, End: piece(full).End - guest.PageSize}) // its last page is the template's
	define(piece(late))
	define(piece(changed))

	var w Sweep
	want := uint64(full-2+2) * sweepPiece
	if got := m.Look(&w); got != want {
		t.Fatalf("Look found %d bytes, want %d", got, want)
	}
	m.MakeUndefined(guest.Range{Start: piece(changed).Start + 5, End: piece(changed).Start + 6}) // behind Look
	before := make([]byte, n)
	m.Load(before, block.Start)
	taken := ownMemory(t)
	m.Renew(&w)
	if left := ownMemory(t); left > taken-want/2 {
		t.Errorf("%d bytes of memory before, %d behind, of which %d were found", taken, left, want)
	}
	after := make([]byte, n)
	m.Load(after, block.Start)
	for i := range before {
		if before[i] != after[i] {
			t.Fatalf("byte %#x was %#x and is %#x", i, before[i], after[i])
		}
	}
	for _, row := range []struct {
		i     uint64
		swept bool
	}{{0, true}, {6, true}, {7, false}, {8, true}, {9, false}, {10, true}, {full - 1, true}, {full, false}, {full + 1, false}, {late, true},
		{changed, false}} {
		r := piece(row.i)
		if m.isFresh(r) == row.swept {
			t.Errorf("piece %d: isFresh is %v", row.i, m.isFresh(r))
		}
	}
	if got := m.Look(&w); got != 0 {
		t.Errorf("a second Look found %d bytes", got)
	}
}

// ownMemory is how much memory the process has that is no file's.
func ownMemory(t *testing.T) (n uint64) {
	t.Helper()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if k, _ := fmt.Sscanf(line, "RssAnon: %d kB", &n); k == 1 {
			return n << 10
		}
	}
	t.Fatal("no RssAnon in /proc/self/status")
	return 0
}
