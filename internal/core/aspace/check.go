package aspace

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// ErrAstray says that the guest's address space is not what the Space believes it to be.
var ErrAstray = errors.New("the kernel has other mappings than we")

// Check compares the Space with maps, which are the lines of the process's /proc/self/maps: each page must have the protection that
// it should have, and nothing else may be mapped where the guest's memory is. It is for a reserved address space; the caller sees to
// it that nobody maps, unmaps or protects between the reading of maps and the return.
func (s *Space) Check(maps []byte) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	next := 0 // of s.maps
	for line := range bytes.Lines(maps) {
		r, prot, ok := parseMapsLine(line)
		if !ok {
			return fmt.Errorf("aspace: line %q of /proc/self/maps: %w", line, ErrAstray)
		}
		r = clip(r, s.cfg.Space)
		for !r.Empty() {
			for next < len(s.maps) && s.maps[next].End <= r.Start {
				next++
			}
			part, want := r, unix.PROT_NONE // the reservation
			if next < len(s.maps) {
				if v := s.maps[next]; v.Start <= r.Start {
					part, want = clip(r, v.Range), realProt(v.prot)
				} else {
					part.End = min(part.End, v.Start)
				}
			}
			if err := s.checkPart(part, prot, want); err != nil {
				return err
			}
			r.Start = part.End
		}
	}
	return nil
}

// checkPart compares the real protection of r with the one it should have.
func (s *Space) checkPart(r guest.Range, real, want int) error {
	if real == want {
		return nil
	}
	for _, t := range s.cfg.Tool {
		if t.Overlaps(r) {
			return nil
		}
	}
	if real == want&^unix.PROT_WRITE {
		all := true
		for a := r.Start; a < r.End && all; a += guest.PageSize {
			all = s.code.has(a)
		}
		if all {
			return nil
		}
	}
	return fmt.Errorf("aspace: %v has protection %d in place of %d: %w", r, real, want, ErrAstray)
}

// parseMapsLine reads the range and the protection of a line of /proc/PID/maps.
func parseMapsLine(line []byte) (r guest.Range, prot int, ok bool) {
	lo, rest, ok1 := bytes.Cut(line, []byte{'-'})
	hi, rest, ok2 := bytes.Cut(rest, []byte{' '})
	a, err1 := strconv.ParseUint(string(lo), 16, 64)
	b, err2 := strconv.ParseUint(string(hi), 16, 64)
	if !ok1 || !ok2 || err1 != nil || err2 != nil || len(rest) < 4 {
		return r, 0, false
	}
	for i, bit := range [3]int{unix.PROT_READ, unix.PROT_WRITE, unix.PROT_EXEC} {
		if rest[i] != '-' {
			prot |= bit
		}
	}
	return guest.Range{Start: guest.Addr(a), End: guest.Addr(b)}, prot, true
}
