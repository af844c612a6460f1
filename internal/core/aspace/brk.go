package aspace

import (
	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// SetData tells the Space how many bytes of initialised data the program has: the kernel counts them, with the break,
// against RLIMIT_DATA.
func (s *Space) SetData(n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dataLen = n
}

// Brk is the system call: it moves the break to a if it can and returns where the break is then.
func (s *Space) Brk(a guest.Addr) guest.Addr {
	s.change.Lock()
	defer s.change.Unlock()
	s.mu.Lock()
	if a >= s.brkStart && a <= s.cfg.Brk.End && s.moveBrk(a) == nil {
		s.brkEnd = a
	}
	end := s.brkEnd
	s.mu.Unlock()
	s.tell()
	return end
}

// Break is the memory up to the break.
func (s *Space) Break() guest.Range {
	s.mu.Lock()
	defer s.mu.Unlock()
	return guest.Range{Start: s.brkStart, End: s.brkEnd}
}

// BrkStart is where the break started.
func (s *Space) BrkStart() guest.Addr { return s.cfg.Brk.Start }

// moveBrk maps or unmaps what lies between the old break and a.
func (s *Space) moveBrk(a guest.Addr) error {
	if exceeds(uint64(a-s.brkStart), s.dataLen, s.limits.data) {
		return unix.ENOMEM
	}
	from, to := s.brkEnd.PageUp(), a.PageUp()
	switch {
	case to < from:
		return s.munmap(guest.Range{Start: to, End: from})
	case to > from:
		r := guest.Range{Start: from, End: to}
		if !s.isFree(r) {
			return unix.ENOMEM
		}
		if err := s.mayGrow(r.Len(), true); err != nil {
			return err
		}
		_, err := s.mapAt(r, &request{
			prot:  unix.PROT_READ | unix.PROT_WRITE,
			flags: unix.MAP_PRIVATE | unix.MAP_ANONYMOUS,
			fd:    -1,
			kind:  heap,
		})
		return err
	}
	return nil
}
