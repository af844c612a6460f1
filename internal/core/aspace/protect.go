package aspace

import (
	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// Bits of mprotect's prot that say how far to go (linux/mman.h).
const (
	protGrowsDown = 0x01000000
	protGrowsUp   = 0x02000000
	protSem       = 0x8
)

// Mprotect is the system call.
func (s *Space) Mprotect(addr guest.Addr, length uint64, prot int) error {
	grow := prot & (protGrowsDown | protGrowsUp)
	if grow == protGrowsDown|protGrowsUp || addr%guest.PageSize != 0 {
		return unix.EINVAL
	}
	if length == 0 {
		return nil
	}
	r := guest.Range{Start: addr, End: (addr + guest.Addr(length)).PageUp()}
	if r.Empty() || length > uint64(s.cfg.Space.End) {
		return unix.ENOMEM
	}
	if prot&^(unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC|protSem|grow) != 0 || grow == protGrowsUp {
		return unix.EINVAL
	}
	return s.update(func() error {
		if grow == protGrowsDown {
			v := s.at(addr)
			if v == nil {
				return unix.ENOMEM
			}
			if v.flags&unix.MAP_GROWSDOWN == 0 {
				return unix.EINVAL
			}
			r.Start = v.Start
		}
		return s.mprotect(r, guest.Prot(prot)&7)
	})
}

// mprotect changes mapping after mapping and stops at the first hole or refusal, as the kernel does.
func (s *Space) mprotect(r guest.Range, p guest.Prot) error {
	next := r.Start
	for _, v := range append([]*vma(nil), s.over(r)...) {
		part := clip(v.Range, r)
		if part.Start > next {
			return unix.ENOMEM
		}
		next = part.End
		if p&guest.Write != 0 && v.file.noWrite || p&guest.Exec != 0 && v.file.noExec {
			return unix.EACCES
		}
		if v.prot == p {
			continue
		}
		if err := s.protectReal(part, p); err != nil {
			return err
		}
		s.edit(part, func(v *vma) {
			v.stored = p&guest.Write == 0 && (v.stored || v.prot&guest.Write != 0 && v.file.path != "" && v.flags&unix.MAP_PRIVATE != 0)
			v.prot = p
		})
		s.note(event{kind: protected, r: part, prot: p})
	}
	if next < r.End {
		return unix.ENOMEM
	}
	return nil
}

// protectReal gives r the real protection for p, without Write on the pages of the code set.
func (s *Space) protectReal(r guest.Range, p guest.Prot) error {
	if p&guest.Write == 0 {
		return hostMprotect(r, realProt(p))
	}
	next := r.Start
	for _, run := range runs(s.code.in(r)) {
		if run.Start > next {
			if err := hostMprotect(guest.Range{Start: next, End: run.Start}, realProt(p)); err != nil {
				return err
			}
		}
		if err := hostMprotect(run, realProt(readOnly(p))); err != nil {
			return err
		}
		next = run.End
	}
	if next < r.End {
		return hostMprotect(guest.Range{Start: next, End: r.End}, realProt(p))
	}
	return nil
}

// readOnly is p for a page of the code set. What can be written can be read on amd64, whatever p says.
func readOnly(p guest.Prot) guest.Prot { return p&^guest.Write | guest.Read }

// runs joins sorted pages to ranges.
func runs(pages []guest.Addr) []guest.Range {
	var rs []guest.Range
	for _, p := range pages {
		if n := len(rs); n > 0 && rs[n-1].End == p {
			rs[n-1].End += guest.PageSize
		} else {
			rs = append(rs, guest.Range{Start: p, End: p + guest.PageSize})
		}
	}
	return rs
}

// WriteProtect enters the mapped pages of r in the code set: while they are in it, a write to them faults whatever the
// guest's protection says.
func (s *Space) WriteProtect(r guest.Range) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.pieces(pages(r), func(v *vma, part guest.Range) error {
		var fresh []guest.Addr
		for p := part.Start; p < part.End; p += guest.PageSize {
			if s.code.add(p) {
				fresh = append(fresh, p)
			}
		}
		if v.prot&guest.Write == 0 {
			return nil
		}
		for _, run := range runs(fresh) {
			if err := hostMprotect(run, realProt(readOnly(v.prot))); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// Unprotect takes the pages of r out of the code set and lets the guest write to them where it may.
func (s *Space) Unprotect(r guest.Range) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unprotect(pages(r))
}

func (s *Space) unprotect(r guest.Range) error {
	gone := s.code.in(r)
	for _, p := range gone {
		s.code.remove(p)
	}
	for _, run := range runs(gone) {
		_, err := s.pieces(run, func(v *vma, part guest.Range) error {
			if v.prot&guest.Write == 0 {
				return nil
			}
			return hostMprotect(part, realProt(v.prot))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pages is r widened to whole pages.
func pages(r guest.Range) guest.Range {
	return guest.Range{Start: r.Start.PageDown(), End: r.End.PageUp()}
}

// BeforeKernelWrite makes r writable as far as the guest may write it, and tells CodeWatchers if r holds code: a system
// call that writes to a page of the code set would fail with EFAULT. It is cheap when there is none.
func (s *Space) BeforeKernelWrite(r guest.Range) error {
	if r.Empty() {
		return nil
	}
	s.mu.RLock()
	none := len(s.code.in(pages(r))) == 0
	s.mu.RUnlock()
	if none {
		return nil
	}
	return s.update(func() error { return s.dropCode(pages(r)) })
}

// dropCode empties the code set in r and notes the change.
func (s *Space) dropCode(r guest.Range) error {
	for _, run := range runs(s.code.in(r)) {
		s.note(event{kind: codeChanged, r: run})
	}
	return s.unprotect(r)
}

// Access is what Classify finds out.
type Access uint8

const (
	// OK: the guest may do it. A fault there has been overtaken by another thread, or the file behind the page has
	// no such page (SIGBUS).
	OK Access = iota
	// Unmapped: there is nothing (SEGV_MAPERR).
	Unmapped
	// Protection: the guest's protection forbids it (SEGV_ACCERR).
	Protection
	// CodePage: a write that the guest may do, but to a page of the code set.
	CodePage
)

func (a Access) String() string { return [...]string{"ok", "unmapped", "protection", "code page"}[a] }

// Classify says what the guest would meet at a.
func (s *Space) Classify(a guest.Addr, write bool) Access {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v := s.at(a)
	switch {
	case v == nil:
		return Unmapped
	case write && v.prot&guest.Write == 0, v.prot == 0:
		// Every protection but none can be read on amd64: Write implies Read there, and Exec is mapped so.
		return Protection
	}
	if write && s.code.has(a.PageDown()) {
		return CodePage
	}
	return OK
}

// Advice that package unix does not name (linux/mman.h).
const (
	madvPopulateWrite  = 23
	madvDontneedLocked = 24
	madvGuardInstall   = 102
)

// Madvise is the system call.
func (s *Space) Madvise(addr guest.Addr, length uint64, advice int) error {
	n := (length + guest.PageSize - 1) &^ (guest.PageSize - 1)
	r := guest.Range{Start: addr, End: addr + guest.Addr(n)}
	if addr%guest.PageSize != 0 || n < length || r.End < r.Start {
		return unix.EINVAL
	}
	switch advice {
	case unix.MADV_DONTNEED, unix.MADV_FREE, unix.MADV_REMOVE, madvDontneedLocked, madvGuardInstall, madvPopulateWrite:
		if err := s.BeforeKernelWrite(r); err != nil {
			return err
		}
	}
	holes, err := s.unlocked(r, func(part guest.Range) error { return hostMadvise(part, advice) })
	if err != nil {
		return err
	}
	if holes || n == 0 {
		// An advice that the kernel does not know is an error before holes are.
		if err := hostMadvise(guest.Range{}, advice); err != nil {
			return err
		}
	}
	if advice == unix.MADV_DONTFORK || advice == unix.MADV_DOFORK {
		s.mu.Lock()
		s.edit(r, func(v *vma) { v.dontFork = advice == unix.MADV_DONTFORK })
		s.mu.Unlock()
	}
	if holes {
		return unix.ENOMEM
	}
	return nil
}

// unlocked calls f for the mapped parts of r without holding a lock, and reports whether there were holes: for calls that
// can take long and change nothing that the Space knows. What another thread of the guest unmaps meanwhile, f may meet
// in its place, as it would natively.
func (s *Space) unlocked(r guest.Range, f func(part guest.Range) error) (holes bool, err error) {
	var parts []guest.Range
	s.mu.RLock()
	holes, _ = s.pieces(r, func(_ *vma, part guest.Range) error { // which cannot fail
		if n := len(parts); n > 0 && parts[n-1].End == part.Start {
			parts[n-1].End = part.End
		} else {
			parts = append(parts, part)
		}
		return nil
	})
	s.mu.RUnlock()
	for _, p := range parts {
		if err := f(p); err != nil {
			return holes, err
		}
	}
	return holes, nil
}

// Msync is the system call.
func (s *Space) Msync(addr guest.Addr, length uint64, flags int) error {
	n := (length + guest.PageSize - 1) &^ (guest.PageSize - 1)
	r := guest.Range{Start: addr, End: addr + guest.Addr(n)}
	if addr%guest.PageSize != 0 || n < length || r.End < r.Start || n == 0 {
		// The kernel has its own order of EINVAL, ENOMEM and success for these, and looks at no mapping.
		return hostMsync(guest.Range{Start: addr, End: addr + guest.Addr(length)}, flags)
	}
	holes, err := s.unlocked(r, func(part guest.Range) error { return hostMsync(part, flags) })
	if err != nil || !holes {
		return err
	}
	// Flags that the kernel does not know are an error before holes are.
	if err := hostMsync(guest.Range{}, flags); err != nil {
		return err
	}
	return unix.ENOMEM
}

// AfterFork drops what MADV_DONTFORK keeps from the child. The child calls it once, after Unlock.
func (s *Space) AfterFork() error {
	return s.update(func() error {
		for _, v := range append([]*vma(nil), s.maps...) {
			if !v.dontFork {
				continue
			}
			if err := s.release(v.Range); err != nil {
				return err
			}
			s.vanish(v.Range)
		}
		return nil
	})
}
