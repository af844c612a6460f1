package aspace

import (
	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// Mremap is the system call; to is looked at with MREMAP_FIXED, and as a hint with MREMAP_DONTUNMAP.
//
// Watchers see Moved for the bytes that keep their contents; Mapped for what is added; Unmapped for what was at the new
// place, and for what shrinking takes off, before the move.
func (s *Space) Mremap(old guest.Addr, oldLen, newLen uint64, flags int, to guest.Addr) (guest.Addr, error) {
	const known = unix.MREMAP_MAYMOVE | unix.MREMAP_FIXED | unix.MREMAP_DONTUNMAP
	const mask = guest.PageSize - 1
	m := remap{
		from:  guest.Range{Start: old, End: old + guest.Addr((oldLen+mask)&^mask)},
		n:     (newLen + mask) &^ mask,
		flags: flags,
		to:    to,
	}
	switch {
	case flags&^known != 0,
		m.has(unix.MREMAP_FIXED|unix.MREMAP_DONTUNMAP) && !m.has(unix.MREMAP_MAYMOVE),
		m.has(unix.MREMAP_DONTUNMAP) && m.from.Len() != m.n,
		old%guest.PageSize != 0, m.n == 0, m.from.End < m.from.Start:
		return 0, unix.EINVAL
	}
	var a guest.Addr
	err := s.update(func() (err error) {
		a, err = s.mremap(m)
		return err
	})
	return a, err
}

// remap is one mremap on its way.
type remap struct {
	from  guest.Range
	n     uint64 // new length
	flags int
	to    guest.Addr
}

func (m *remap) has(flag int) bool { return m.flags&flag != 0 }

// added is how many bytes more will be mapped, at whose end nothing is unmapped.
func (m *remap) added() uint64 {
	if m.has(unix.MREMAP_DONTUNMAP) {
		return m.n
	}
	return max(m.n, m.from.Len()) - m.from.Len()
}

func (s *Space) mremap(m remap) (guest.Addr, error) {
	if m.has(unix.MREMAP_FIXED) {
		return s.moveFixed(m)
	}
	v := s.at(m.from.Start)
	if v == nil {
		return 0, unix.EFAULT
	}
	if !m.has(unix.MREMAP_DONTUNMAP) && m.from.Len() >= m.n {
		tail := guest.Range{Start: m.from.Start + guest.Addr(m.n), End: m.from.End}
		if tail.Empty() {
			return m.from.Start, nil
		}
		return m.from.Start, s.munmap(tail)
	}
	if err := m.resizable(v); err != nil {
		return 0, err
	}
	if err := s.mayGrow(m.added(), isData(v.prot, v.flags)); err != nil {
		return 0, err
	}
	if m.from.End == v.End && m.from.Len() < m.n && m.from.Len() > 0 {
		if ok, err := s.growInPlace(v, m); ok || err != nil {
			return m.from.Start, err
		}
	}
	if !m.has(unix.MREMAP_MAYMOVE) {
		return 0, unix.ENOMEM
	}
	w := wish{
		n:     m.n,
		align: guest.PageSize,
		low: v.prot&guest.Exec != 0 || v.kind == plain && v.isFile() && v.flags&unix.MAP_SHARED == 0 &&
			m.n <= s.cfg.MaxLowFile,
	}
	if m.has(unix.MREMAP_DONTUNMAP) {
		w.hint = m.to.PageDown()
	}
	if v.flags&unix.MAP_HUGETLB != 0 {
		w.align = hugeAlign
	} else if !v.isFile() && m.n%hugeAlign == 0 {
		w.align = hugeAlign
	}
	a, ok := s.place(w)
	if !ok {
		return 0, unix.ENOMEM
	}
	return s.move(m, v, guest.Range{Start: a, End: a + guest.Addr(m.n)})
}

// resizable makes the checks of the kernel that concern the mapping.
func (m *remap) resizable(v *vma) error {
	switch {
	case m.from.Len() == 0 && v.flags&unix.MAP_SHARED == 0:
		return unix.EINVAL // only shared mappings can be duplicated
	case m.from.Start+guest.Addr(min(m.from.Len(), m.n)) > v.End:
		return unix.EFAULT // what stays is more than one mapping
	case v.isFile() && v.off+uint64(m.from.Start-v.Start)+m.n < m.n:
		return unix.EINVAL
	}
	return nil
}

// growInPlace extends v, at whose end m.from ends, if what follows is free.
func (s *Space) growInPlace(v *vma, m remap) (bool, error) {
	more := guest.Range{Start: m.from.End, End: m.from.Start + guest.Addr(m.n)}
	if more.Empty() || !s.isFree(more) {
		return false, nil
	}
	if err := s.unprotect(m.from); err != nil {
		return false, err
	}
	if s.cfg.Reserved {
		// The kernel grows a mapping into nothing only. Nobody maps here meanwhile: addresses that the kernel chooses
		// lie above the reservation.
		if err := hostMunmap(more); err != nil {
			return false, err
		}
	}
	if _, err := hostMremap(m.from, m.n, 0, 0); err != nil {
		if s.cfg.Reserved {
			if err := s.release(more); err != nil {
				return false, err
			}
		} else if err == unix.ENOMEM {
			return false, nil // not free after all
		}
		return false, err
	}
	grown := v.slice(m.from)
	grown.Range = more
	if v.isFile() {
		grown.off += m.from.Len()
	}
	s.insert(grown)
	s.note(event{kind: mapped, m: grown.public().Contract()})
	return true, nil
}

// moveFixed is MREMAP_FIXED: the guest says where to. If the length stays, several mappings may be moved at once, with
// the gaps between them (Linux 6.17; before, EFAULT).
func (s *Space) moveFixed(m remap) (guest.Addr, error) {
	to := guest.Range{Start: m.to, End: m.to + guest.Addr(m.n)}
	switch {
	case m.to%guest.PageSize != 0, m.n > uint64(s.cfg.Space.End), m.to > s.cfg.Space.End-guest.Addr(m.n),
		m.from.Overlaps(to):
		return 0, unix.EINVAL
	case m.to < s.cfg.Space.Start:
		return 0, unix.EPERM
	case s.overTool(to):
		return 0, unix.ENOMEM
	case s.at(m.from.Start) == nil:
		return 0, unix.EFAULT
	}
	if m.from.Len() != m.n {
		v := s.at(m.from.Start)
		if err := m.resizable(v); err != nil {
			return 0, err
		}
		if err := s.mayGrow(m.added(), isData(v.prot, v.flags)); err != nil {
			return 0, err
		}
		return s.moveOne(m)
	}
	var parts []guest.Range
	s.pieces(m.from, func(_ *vma, part guest.Range) error { // which cannot fail
		parts = append(parts, part)
		return nil
	})
	for _, part := range parts {
		one := remap{from: part, n: part.Len(), flags: m.flags, to: m.to + part.Start - m.from.Start}
		if _, err := s.moveOne(one); err != nil {
			return 0, err
		}
	}
	return m.to, nil
}

// moveOne moves a mapping or a part of it, which resizable has approved, over whatever is at its new place.
func (s *Space) moveOne(m remap) (guest.Addr, error) {
	to := guest.Range{Start: m.to, End: m.to + guest.Addr(m.n)}
	if err := s.munmap(to); err != nil {
		return 0, err
	}
	if m.from.Len() > m.n {
		tail := guest.Range{Start: m.from.Start + guest.Addr(m.n), End: m.from.End}
		if err := s.munmap(tail); err != nil {
			return 0, err
		}
		m.from.End = tail.Start
	}
	return s.move(m, s.at(m.from.Start), to)
}

// move moves m.from, a part of v, to the place to, where the guest has nothing.
func (s *Space) move(m remap, v *vma, to guest.Range) (guest.Addr, error) {
	undo, err := s.claim(to)
	if err != nil {
		return 0, err
	}
	// The kernel moves one mapping of its own at a time. Read-only code pages would split it.
	if err := s.unprotect(m.from); err != nil {
		undo()
		return 0, err
	}
	flags := unix.MREMAP_MAYMOVE | unix.MREMAP_FIXED | m.flags&unix.MREMAP_DONTUNMAP
	if _, err := hostMremap(m.from, m.n, flags, to.Start); err != nil {
		undo()
		s.afterFailure(to)
		return 0, err
	}
	kept := min(m.from.Len(), m.n)
	at := guest.Range{Start: to.Start, End: to.Start + guest.Addr(kept)}
	now := v.slice(guest.Range{Start: m.from.Start, End: max(m.from.End, m.from.Start+guest.PageSize)})
	now.Range = to
	switch now.kind {
	case heap, stack:
		now.kind = plain // the names belong to the places
	case shm:
		now.segment = to.Start - guest.Addr(now.off)
	}
	if kept > 0 {
		s.note(event{kind: moved, r: m.from, to: at})
	}
	stays := m.has(unix.MREMAP_DONTUNMAP)
	if kept > 0 && !stays {
		if s.cfg.Reserved {
			if err := s.release(m.from); err != nil {
				return 0, err
			}
		}
		s.remove(m.from)
	}
	s.insert(now)
	if stays {
		s.note(event{kind: mapped, m: v.slice(m.from).public().Contract()})
	}
	if more := (guest.Range{Start: at.End, End: to.End}); !more.Empty() {
		s.note(event{kind: mapped, m: now.slice(more).public().Contract()})
	}
	return to.Start, nil
}
