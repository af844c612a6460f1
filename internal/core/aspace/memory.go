package aspace

import (
	"bytes"
	"runtime/debug"

	"gogrind/internal/guest"
)

var _ guest.Memory = (*Space)(nil)

// ReadMem copies len(p) bytes from a and returns how many there were before the first that cannot be read.
func (s *Space) ReadMem(p []byte, a guest.Addr) int {
	p = p[:s.reach(a, len(p))]
	if len(p) == 0 {
		return 0
	}
	return recovering(a, func() int { return copyIn(p, a) })
}

// WriteMem copies p to a and returns how many bytes it wrote before the first that the guest could not. Pages with
// translated code are written as if by a system call.
func (s *Space) WriteMem(p []byte, a guest.Addr) int {
	p = p[:s.reach(a, len(p))]
	done := 0
	for done < len(p) {
		at := a + guest.Addr(done)
		rest := p[done:]
		done += recovering(at, func() int { return copyOut(at, rest) })
		if done == len(p) {
			break
		}
		stop := a + guest.Addr(done)
		if s.Classify(stop, true) != CodePage ||
			s.BeforeKernelWrite(guest.Range{Start: stop, End: a + guest.Addr(len(p))}) != nil {
			break
		}
	}
	return done
}

// CopyMem copies n bytes from from to to, which do not overlap, and returns how many there were before the first that could not be read or
// written. Pages with translated code cannot.
func (s *Space) CopyMem(to, from guest.Addr, n int) int {
	n = s.reach(to, s.reach(from, n))
	if n == 0 {
		return 0
	}
	done := -1
	fault := guest.Addr(recovering(0, func() int {
		done = copyOver(to, from, n)
		return 0
	}))
	switch {
	case done >= 0:
		return done
	case fault >= to && fault < to+guest.Addr(n):
		return int(fault - to)
	}
	return int(fault - from)
}

// ReadString reads the zero-terminated string at a without its zero, up to n bytes. ok is false if there was no zero
// in them, or it could not be read; the bytes read so far are returned all the same.
func (s *Space) ReadString(a guest.Addr, n int) (b []byte, ok bool) {
	// Strings are short; a page is the unit in which memory ends.
	const first = 256
	for chunk := first; len(b) < n; chunk = guest.PageSize {
		chunk = min(chunk, n-len(b), int((a+guest.Addr(len(b))+guest.PageSize).PageDown()-a)-len(b))
		buf := make([]byte, chunk)
		got := s.ReadMem(buf, a+guest.Addr(len(b)))
		if i := bytes.IndexByte(buf[:got], 0); i >= 0 {
			return append(b, buf[:i]...), true
		}
		b = append(b, buf[:got]...)
		if got < chunk {
			return b, false
		}
	}
	return b, false
}

// reach is how many of n bytes at a the guest could have at all: none beyond its space, none of the tool's.
func (s *Space) reach(a guest.Addr, n int) int {
	if !s.cfg.Space.Contains(a) {
		return 0
	}
	if left := uint64(s.cfg.Space.End - a); uint64(n) > left {
		n = int(left)
	}
	for _, t := range s.cfg.Tool {
		if t.Contains(a) {
			return 0
		}
		if a < t.Start && uint64(t.Start-a) < uint64(n) {
			n = int(t.Start - a)
		}
	}
	return n
}

// recovering runs the copy f. Where the core's signal handler knows CopyFault, f stops at a fault by itself. Elsewhere
// (tests, tools of this project that run no guest) the Go runtime turns the fault into a panic that has the address.
func recovering(start guest.Addr, f func() int) (n int) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch e := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			n = int(guest.Addr(e.Addr()) - start)
		default:
			panic(e)
		}
	}()
	return f()
}
