package vbits

import (
	"math/bits"
	"math/rand/v2"
	"testing"
)

// choices calls do for each value that a may have.
func choices(a val, do func(x uint64)) {
	for s := a.v; ; s = (s - 1) & a.v {
		do(a.x&^a.v | s)
		if s == 0 {
			return
		}
	}
}

// spread collects which bits of the results differ.
type spread struct {
	some      bool
	and, or   uint64
	fAnd, fOr uint64
}

func (s *spread) add(r, f uint64) {
	if !s.some {
		*s = spread{true, r, r, f, f}
	}
	s.and, s.or, s.fAnd, s.fOr = s.and&r, s.or|r, s.fAnd&f, s.fOr|f
}

// sumFlags is a+b+c with its flags, and conditions BE, L, LE at their places.
func sumFlags(w uint, a, b, c uint64, sub bool) (r, f uint64) {
	sum, carry := bits.Add64(a, b, c)
	if w < 64 {
		carry = sum >> w & 1
	}
	r = sum & mask(w)
	in := a ^ b ^ r
	f = carry
	if w > 4 {
		f |= in & flagA
	}
	f |= bit(r == 0)<<6 | r>>(w-1)<<7 | bit(bits.OnesCount8(uint8(r))&1 == 0)<<2
	f |= (in>>(w-1) ^ carry) & 1 << 11
	cf := carry != 0 != sub
	l := f&flagS != 0 != (f&flagO != 0)
	f |= bit(cf || r == 0)<<32 | bit(l)<<33 | bit(l || r == 0)<<34
	return r, f
}

// checkSum compares addFlags with all choices of undefined bits.
func checkSum(t *testing.T, w uint, a, b, c val, sub bool) {
	t.Helper()
	var s spread
	choices(a, func(x uint64) {
		choices(b, func(y uint64) {
			choices(c, func(z uint64) {
				r, f := sumFlags(w, x, y, z, sub)
				s.add(r, f)
			})
		})
	})
	r, f := addFlags(w, a, b, c, sub)
	if want := s.and ^ s.or; r != want || addV(w, a, b, c) != want {
		t.Fatalf("%d bits, %x+%x+%x sub %v: V bits %x and %x, want %x", w, a, b, c, sub, r, addV(w, a, b, c), want)
	}
	want := s.fAnd ^ s.fOr
	if f&flagsArith != want&flagsArith {
		t.Fatalf("%d bits, %x+%x+%x sub %v: flags %x, want %x", w, a, b, c, sub, f, want)
	}
	// A condition is known if a flag of it is undefined and it is not.
	for _, k := range []struct{ known, flags uint64 }{{knownBE, flagC | flagZ}, {knownL, flagS | flagO}, {knownLE, flagS | flagO | flagZ}} {
		if known := want&k.flags != 0 && want&k.known == 0; known != (f&k.known != 0) {
			t.Fatalf("%d bits, %x+%x+%x sub %v: condition %x known is %v, flags %x", w, a, b, c, sub, k.known, !known, f)
		}
	}
}

// TestSums: sums, differences and their flags are exact: all numbers of 1 to 3 bits, and a sample of the others.
func TestSums(t *testing.T) {
	for w := uint(2); w <= 3; w++ {
		n := uint64(1) << w
		for i := range n * n * n * n * 8 {
			a, b := val{i % n, i / n % n}, val{i / n / n % n, i / n / n / n % n}
			i /= n * n * n * n
			checkSum(t, w, a, b, val{i & 1, i >> 1 & 1}, i>>2 != 0)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 60000 {
		w := []uint{4, 5, 7, 8, 16, 32, 64}[rng.IntN(7)]
		a, b, c := randomVal(rng, w, 4), randomVal(rng, w, 4), val{rng.Uint64() & 1, 0}
		if rng.IntN(4) == 0 {
			c.v = 1
		}
		checkSum(t, w, a, b, c, rng.IntN(2) == 0)
	}
}

// randomVal is a value of w bits, at most n of which are undefined.
func randomVal(rng *rand.Rand, w uint, n int) val {
	a := val{x: rng.Uint64() & mask(w)}
	switch rng.IntN(6) {
	case 0:
		a.x = 0
	case 1:
		a.x = mask(w)
	case 2:
		a.x &= 7
	case 3:
		a.x |= mask(w) &^ 15
	case 4:
		a.x &= a.x << 3
	}
	for range rng.IntN(n + 1) {
		a.v |= 1 << rng.IntN(int(w))
	}
	return a
}

// TestLogic: flags of logic results are exact.
func TestLogic(t *testing.T) {
	for w := uint(2); w <= 9; w++ {
		n := uint64(1) << w
		for i := range n * n {
			a := val{i % n, i / n}
			var s spread
			choices(a, func(x uint64) {
				f := logicValues(w, val{x, 0}).x
				f |= bit(x == 0 || x>>(w-1) != 0) << 34
				s.add(0, f)
			})
			f := logicFlags(w, a)
			want := s.fAnd ^ s.fOr
			if f&flagsArith != want&flagsArith {
				t.Fatalf("%d bits %x: flags %x, want %x", w, a, f, want)
			}
			if known := want&(flagS|flagZ) != 0 && want&knownLE == 0; known != (f&knownLE != 0) {
				t.Fatalf("%d bits %x: LE known is %v", w, a, !known)
			}
		}
	}
}

// TestExact: these functions of one or two words are exact: all values of few bits with all V bits.
func TestExact(t *testing.T) {
	pair := func(r, f uint64) [2]uint64 { return [2]uint64{r, f} }
	for _, c := range []struct {
		name     string
		from, to uint // widths
		do       func(w uint, x, y uint64) [2]uint64
		v        func(w uint, a, b val) [2]uint64
	}{
		{"and", 2, 4, func(_ uint, x, y uint64) [2]uint64 { return pair(x&y, 0) }, func(_ uint, a, b val) [2]uint64 { return pair(andV(a, b), 0) }},
		{"or", 2, 4, func(_ uint, x, y uint64) [2]uint64 { return pair(x|y, 0) }, func(w uint, a, b val) [2]uint64 { return pair(orV(a, b)&mask(w), 0) }},
		{"count of ones", 2, 8, func(_ uint, x, _ uint64) [2]uint64 { return pair(uint64(bits.OnesCount64(x)), bit(x == 0)) },
			func(_ uint, a, _ val) [2]uint64 { return pair(popcntV(a), bit(zeroV(a))) }},
		{"lowest one", 2, 8, func(w uint, x, _ uint64) [2]uint64 { return pair(min(uint64(bits.TrailingZeros64(x)), uint64(w)), 0) },
			func(w uint, a, _ val) [2]uint64 { return pair(firstV(w, a, val{uint64(w), 0}), 0) }},
		{"highest one", 2, 8, func(w uint, x, _ uint64) [2]uint64 { return pair(uint64(w)-uint64(bits.Len64(x)), 0) },
			func(w uint, a, _ val) [2]uint64 { return pair(lastV(w, a, val{uint64(w), 0}, true), 0) }},
		{"deposit", 2, 4, func(_ uint, x, y uint64) [2]uint64 { return pair(deposit(x, y), 0) }, func(_ uint, a, b val) [2]uint64 { return pair(depositV(a, b), 0) }},
		{"extract", 2, 4, func(_ uint, x, y uint64) [2]uint64 { return pair(extract(x, y), 0) }, func(_ uint, a, b val) [2]uint64 { return pair(extractV(a, b), 0) }},
		{"product", 2, 3, func(w uint, x, y uint64) [2]uint64 { lo, hi, _ := product(w, x, y, true); return pair(lo, hi) },
			func(w uint, a, b val) [2]uint64 { lo, hi, _ := multiplyV(w, a, b, true, false); return pair(lo, hi) }},
		{"crc32", 2, 8, func(_ uint, x, _ uint64) [2]uint64 { return pair(uint64(crcStep(7, x, 1)), 0) },
			func(_ uint, a, _ val) [2]uint64 { return pair(uint64(crcV(0, a.v, 1)), 0) }},
	} {
		for w := c.from; w <= c.to; w++ {
			n := uint64(1) << w
			m := n * n // second operand: value and V bits
			if c.to > 4 {
				m = 1
			}
			for i := range n * n * m {
				a, b := val{i % n, i / n % n}, val{i / n / n % n, i / n / n / n}
				var s spread
				choices(a, func(x uint64) {
					choices(b, func(y uint64) {
						r := c.do(w, x, y)
						s.add(r[0], r[1])
					})
				})
				if got, want := c.v(w, a, b), pair(s.and^s.or, s.fAnd^s.fOr); got != want {
					t.Fatalf("%s of %d bits, %x, %x: V bits %x, want %x", c.name, w, a, b, got, want)
				}
			}
		}
	}
}

// TestShifts: shifts and rotates of 8 bits by undefined counts are exact, with carry, zero and sign.
func TestShifts(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	const flags = flagC | flagZ | flagS
	for range 40000 {
		op := uint8(rng.IntN(8))
		a, c := randomVal(rng, 8, 4), val{rng.Uint64() & 15, rng.Uint64() & rng.Uint64() & 15}
		old := val{rng.Uint64() & flagC, rng.Uint64() & flagC}
		by := shiftBy
		which := uint64(flags)
		if op < 4 {
			by, which = rotBy, flagC
		} else {
			old.v = 0 // shifts by 0 leave flags alone that are not all here
			c.x |= 1
			c.v &^= 1
		}
		var s spread
		choices(a, func(x uint64) {
			choices(c, func(n uint64) {
				choices(old, func(f uint64) {
					o := by(op, 8, val{x, 0}, n, val{f, 0})
					s.add(o.r.x, o.f.x&which)
				})
			})
		})
		var o outcome
		counts(c, 64, func(n uint64, first bool) { o.merge(by(op, 8, a, n, old), first) })
		if want, wantF := s.and^s.or, s.fAnd^s.fOr; o.r.v != want || o.f.v&which != wantF {
			t.Fatalf("operation %d of %x by %x, flags %x: V bits %x and %x, want %x and %x", op, a, c, old, o.r.v, o.f.v&which, want, wantF)
		}
	}
}
