package shadow

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

// What a program fills by single stores gets pages of its own for its shadow, copied from the template, that say nothing but "defined" in
// the end. Mapped anew as zero pages they take neither memory nor, what counts more, cache.

const (
	// sweepPiece is what becomes zero pages as a whole, a power of two: pieces of it keep the number of areas small.
	sweepPiece = 64 << 10
	// sweepStep is how much of the shadow is looked at while others can't change what is mapped, and sweepMost how much at once.
	sweepStep = 4 << 20
	sweepMost = 512 << 20
)

// Sweep looks for such pages. It is one goroutine's.
type Sweep struct {
	at         uint64 // where the next look begins
	found      spans
	pages      [sweepStep / guest.PageSize * pagemapEntry]byte // what the kernel says of the pages from first on, those up to end
	first, end uint64
}

// An entry of /proc/PID/pagemap for each page (the kernel's Documentation/admin-guide/mm/pagemap.rst): the page is there, and it is one of
// a file or shared.
const (
	pagemapEntry   = 8
	pagemapPresent = 1 << 63
	pagemapFile    = 1 << 61
)

// UseSweep prepares Look, which finds nothing without it, with a descriptor of at least first. In a child of fork Look goes by the
// parent's pages: it may find less.
func (m *Map) UseSweep(first int) error {
	fd, err := unix.Open("/proc/self/pagemap", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("shadow: sweep: %w", err)
	}
	defer unix.Close(fd)
	m.pagemap, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, first)
	if err != nil {
		m.pagemap = 0
		return fmt.Errorf("shadow: sweep: %w", err)
	}
	return nil
}

// stored reports whether all pages of the piece at s are the process's own. To read them would map those of the template.
func (m *Map) stored(w *Sweep, s uint64) bool {
	const perByte = guest.PageSize / pagemapEntry
	if s < w.first || s+sweepPiece > w.end {
		n, err := unix.Pread(m.pagemap, w.pages[:], int64(s/perByte))
		if err != nil {
			n = 0
		}
		w.first, w.end = s, s+uint64(n)*perByte
	}
	p := w.pages[(s-w.first)/perByte:]
	if s+sweepPiece > w.end {
		return false
	}
	for p := p[:sweepPiece/perByte]; len(p) > 0; p = p[pagemapEntry:] {
		if e := binary.NativeEndian.Uint64(p); e&pagemapPresent == 0 || e&pagemapFile != 0 {
			return false
		}
	}
	return true
}

// Look goes through the shadow that was mapped from the template, as far as it goes in one turn, and returns how many bytes of it say
// "defined" only, in whole pieces. Guest threads may run.
func (m *Map) Look(w *Sweep) (found uint64) {
	w.found, w.end = w.found[:0], 0
	if m.pagemap == 0 {
		return 0
	}
	for n := 0; n < sweepMost/sweepStep; n++ {
		if !m.look(w) {
			w.at = 0
			break
		}
	}
	for _, p := range w.found {
		found += p.e - p.s
	}
	return found
}

// look does a step of Look and reports whether there is more.
func (m *Map) look(w *Sweep) (more bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n := sweepStep
	m.fresh.within(w.at, ^uint64(0), func(s, e uint64) bool {
		for s = (s + sweepPiece - 1) &^ (sweepPiece - 1); s+sweepPiece <= e; s += sweepPiece {
			if more = n == 0; more {
				w.at = s
				return false
			}
			n -= sweepPiece
			if m.stored(w, s) && firstNonzero(s, s+sweepPiece) == s+sweepPiece {
				w.found.add(s, s+sweepPiece)
			}
		}
		return true
	})
	return more
}

// Renew maps anew what Look has found, as far as it still is so. No guest thread may run: what one stores meanwhile would be lost.
func (m *Map) Renew(w *Sweep) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var same spans
	for _, p := range w.found {
		for s := p.s; s < p.e; s += sweepPiece {
			if e := s + sweepPiece; m.fresh.covers(s, e) && firstNonzero(s, e) == e {
				same.add(s, e)
			}
		}
	}
	for _, p := range same {
		m.renewPages(p)
	}
	w.found = w.found[:0]
}
