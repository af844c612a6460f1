package loader

import (
	"errors"
	"fmt"
	"os"

	"gogrind/internal/core/aspace"
	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

const pageSize = guest.PageSize

// placed is an ELF file in memory.
type placed struct {
	bias   guest.Addr // address in memory less address in the file
	extent guest.Range
	entry  guest.Addr
	phdr   guest.Addr
	code   guest.Range // first to last byte of executable segments
	data   guest.Range // of the last segment's initialised part
}

// mapImage maps the segments of f, at base if the file is position-independent and it is free there.
func mapImage(sp *aspace.Space, f *os.File, h *header, base guest.Addr) (*placed, error) {
	lo, hi, align := h.span()
	m := &placed{}
	if h.dynamic {
		hint := (base + guest.Addr(align-1)) &^ guest.Addr(align-1)
		at, err := sp.MapImage(hint, uint64(hi-lo), align)
		if err != nil {
			return nil, fmt.Errorf("no room for %d bytes: %w", uint64(hi-lo), err)
		}
		m.bias = at - lo
	}
	m.extent = guest.Range{Start: lo + m.bias, End: hi + m.bias}
	m.entry = guest.Addr(h.entry) + m.bias
	gap := m.extent.Start
	for i, p := range h.phdrs {
		if p.kind != ptLoad {
			continue
		}
		if err := m.mapSegment(sp, f, p); err != nil {
			return nil, fmt.Errorf("program header %d: %w", i, err)
		}
		m.note(h, p)
		// MapImage has taken all of the extent. What no segment covers is not mapped natively, either.
		start, end := m.pages(p)
		if h.dynamic && start > gap {
			if err := sp.Munmap(gap, uint64(start-gap)); err != nil {
				return nil, err
			}
		}
		gap = max(gap, end)
	}
	return m, nil
}

// span is the page-aligned extent of all segments by the file's addresses, and their largest alignment.
func (h *header) span() (lo, hi guest.Addr, align uint64) {
	lo, align = addrLimit, pageSize
	for _, p := range h.phdrs {
		if p.kind != ptLoad {
			continue
		}
		lo = min(lo, guest.Addr(p.vaddr).PageDown())
		hi = max(hi, guest.Addr(p.vaddr+p.memSize).PageUp())
		// Like the kernel, ignore what is no power of two.
		if p.align&(p.align-1) == 0 && p.align < addrLimit {
			align = max(align, p.align)
		}
	}
	return lo, max(hi, lo+pageSize), align
}

// pages is the extent of p's pages in memory.
func (m *placed) pages(p phdr) (start, end guest.Addr) {
	a := guest.Addr(p.vaddr) + m.bias
	return a.PageDown(), (a + guest.Addr(p.memSize)).PageUp()
}

// mapSegment maps one PT_LOAD: the file's part, then zeros.
func (m *placed) mapSegment(sp *aspace.Space, f *os.File, p phdr) error {
	prot := 0
	for _, b := range [...]struct{ flag, prot int }{{pfR, unix.PROT_READ}, {pfW, unix.PROT_WRITE}, {pfX, unix.PROT_EXEC}} {
		if p.flags&uint32(b.flag) != 0 {
			prot |= b.prot
		}
	}
	// The only thing that may be there already is the image's own previous segment, whose last page this one shares.
	const flags = unix.MAP_PRIVATE | unix.MAP_FIXED
	start, end := m.pages(p)
	fileEnd := guest.Addr(p.vaddr+p.fileSize) + m.bias
	zero := start
	if p.fileSize > 0 {
		zero = fileEnd.PageUp()
		off := p.off - uint64(guest.Addr(p.vaddr)-guest.Addr(p.vaddr).PageDown())
		if _, err := sp.Mmap(start, uint64(zero-start), prot, flags, int(f.Fd()), off); err != nil {
			return mapError(start, err)
		}
		if prot&unix.PROT_WRITE != 0 && p.memSize > p.fileSize && fileEnd < zero {
			tail := make([]byte, zero-fileEnd)
			if sp.WriteMem(tail, fileEnd) != len(tail) {
				return unix.EFAULT
			}
		}
	}
	if p.memSize > p.fileSize && end > zero {
		// The kernel makes bss as it makes the break: writable whatever the segment says.
		prot = unix.PROT_READ | unix.PROT_WRITE | prot&unix.PROT_EXEC
		if _, err := sp.Mmap(zero, uint64(end-zero), prot, flags|unix.MAP_ANONYMOUS, -1, 0); err != nil {
			return mapError(zero, err)
		}
	}
	return nil
}

func mapError(a guest.Addr, err error) error {
	if errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.EPERM) {
		return &formatError{errno: unix.ENOMEM, cause: fmt.Sprintf("cannot execute: a segment at %v cannot be mapped: it is "+
			"outside the program's address space or in the tool's part of it", a)}
	}
	return err
}

// note enters p in the extents of m.
func (m *placed) note(h *header, p phdr) {
	a := guest.Addr(p.vaddr) + m.bias
	r := guest.Range{Start: a, End: a + guest.Addr(p.fileSize)}
	if p.flags&pfX != 0 {
		if m.code.End == 0 {
			m.code = r
		}
		m.code.Start, m.code.End = min(m.code.Start, r.Start), max(m.code.End, r.End)
	}
	if r.Start >= m.data.Start {
		m.data.Start = r.Start
	}
	m.data.End = max(m.data.End, r.End)
	if m.phdr == 0 && p.off <= h.phoff && h.phoff < p.off+p.fileSize {
		m.phdr = a + guest.Addr(h.phoff-p.off)
	}
}
