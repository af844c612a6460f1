package vbits

import "math/bits"

// maxOpen is the number of undefined bits up to which operations without a better rule are done for all choices of them.
const maxOpen = 6

// varied collects which bits of two words differ between choices.
type varied struct {
	some           bool
	x, y, dx, dy   uint64
	overflow, open bool
}

func (s *varied) add(x, y uint64, overflow bool) {
	if !s.some {
		s.some, s.x, s.y, s.overflow = true, x, y, overflow
		return
	}
	s.dx |= x ^ s.x
	s.dy |= y ^ s.y
	s.open = s.open || overflow != s.overflow
}

// each calls do for all choices of the undefined bits of a and b, if these are few; same says that b is a.
func each(a, b val, same bool, do func(x, y uint64)) bool {
	n := bits.OnesCount64(a.v)
	if !same {
		n += bits.OnesCount64(b.v)
	}
	if n > maxOpen {
		return false
	}
	for s := a.v; ; s = (s - 1) & a.v {
		x := a.x&^a.v | s
		if same {
			do(x, x)
		} else {
			for t := b.v; ; t = (t - 1) & b.v {
				do(x, b.x&^b.v|t)
				if t == 0 {
					break
				}
			}
		}
		if s == 0 {
			return true
		}
	}
}

// product is a*b in two words of w bits, and whether it needs the second.
func product(w uint, a, b uint64, signed bool) (lo, hi uint64, overflow bool) {
	if signed {
		s := 64 - w
		p := mulSigned(int64(a<<s)>>s, int64(b<<s)>>s)
		lo, hi, overflow = p.lo, uint64(p.hi), p.side(w) != 0
	} else {
		hi, lo = bits.Mul64(a, b)
	}
	if w < 64 {
		hi = lo >> w & mask(w)
		lo &= mask(w)
	}
	if !signed {
		overflow = hi != 0
	}
	return lo, hi, overflow
}

// multiplyV is mulWideV, exact for few undefined bits. same says that the factors are one.
func multiplyV(w uint, a, b val, signed, same bool) (lo, hi uint64, open bool) {
	if a.v|b.v == 0 {
		return 0, 0, false
	}
	var s varied
	if each(a, b, same, func(x, y uint64) { s.add(product(w, x, y, signed)) }) {
		return s.dx, s.dy, s.open
	}
	lo, hi, open = mulWideV(w, a, b, signed)
	if same {
		lo &^= 2 // of a square
	}
	return lo, hi, open
}

// quotient is n/d and the remainder, in numbers of w bits; ok is false for divisions that fail.
func quotient(w uint, n, d uint64, signed bool) (q, r uint64, ok bool) {
	if d == 0 {
		return 0, 0, false
	}
	if !signed {
		q, r = n/d, n%d
		return q, r, q&^mask(w) == 0
	}
	s := 64 - w
	x, y := int64(n), int64(d<<s)>>s
	if y == -1 {
		q = -n
		return q & mask(w), 0, int64(q<<s)>>s == int64(q) && !(q == n && n != 0)
	}
	q, r = uint64(x/y), uint64(x%y)
	return q & mask(w), r & mask(w), int64(q<<s)>>s == int64(q)
}

// divideV are the V bits of quotient and remainder of n, a number of 64 bits, and d.
func divideV(w uint, n, d val, signed bool) (q, r uint64) {
	var s varied
	done := each(n, d, false, func(x, y uint64) {
		if q, r, ok := quotient(w, x, y, signed); ok {
			s.add(q, r, false)
		}
	})
	switch {
	case done:
		return s.dx, s.dy
	case signed:
		return mask(w), mask(w)
	}
	return divV(w, n, d)
}
