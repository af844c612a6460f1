package vbits

import "math/bits"

// The functions of this file work on values of w bits, 1 to 64, in the low bits of words. x and v of a val are the value and its V
// bits; both are 0 above bit w. They are exact, unless it is said otherwise: the bit of a result is undefined if and only if two
// choices of the undefined bits of the arguments, which are independent of each other, give different results.

type val struct{ x, v uint64 }

// Flags, at their places in rflags.
const (
	flagC = 1 << 0
	flagP = 1 << 2
	flagA = 1 << 4
	flagZ = 1 << 6
	flagS = 1 << 7
	flagD = 1 << 10
	flagO = 1 << 11

	flagsArith = flagC | flagP | flagA | flagZ | flagS | flagO
)

// Conditions of two or three flags may be certain though the flags are not: x < 8 when the lowest bit of x, 5 or 4, is undefined,
// is so for x <= 4, but carry and zero are both undefined. File.Flags has a bit for each such condition that says: defined.
const (
	knownBE = 1 << 32 // C | Z
	knownL  = 1 << 33 // S ^ O
	knownLE = 1 << 34 // Z | S^O

	knownAll = knownBE | knownL | knownLE
)

func mask(w uint) uint64 { return ^uint64(0) >> (64 - w) }

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func boolMask(b bool) uint64 { return -bit(b) }

// addLimits are the smallest and the largest value of a+b+c with their carries out of w bits. c is one bit.
func addLimits(w uint, a, b, c val) (lo, loCarry, hi, hiCarry uint64) {
	lo, loCarry = bits.Add64(a.x&^a.v, b.x&^b.v, c.x&^c.v)
	hi, hiCarry = bits.Add64(a.x|a.v, b.x|b.v, c.x|c.v)
	if w < 64 {
		loCarry, hiCarry = lo>>w&1, hi>>w&1
		lo, hi = lo&mask(w), hi&mask(w)
	}
	return
}

// addV are the V bits of a+b+c.
func addV(w uint, a, b, c val) uint64 {
	// A carry grows with every bit below it, so it is undefined if the smallest and the largest sum differ in it.
	lo, _, hi, _ := addLimits(w, a, b, c)
	d := a.v | b.v
	return ((lo^(a.x&^a.v)^(b.x&^b.v))^(hi^(a.x|a.v)^(b.x|b.v))|d)&mask(w) | c.v
}

// addFlags are the V bits of the sum a+b+c and of the flags that it sets. With sub, b and c are inverted and so is the carry: a-b is
// a+^b+1.
func addFlags(w uint, a, b, c val, sub bool) (r, f uint64) {
	any := a.v | b.v | c.v
	if any == 0 {
		return 0, 0
	}
	top := uint64(1) << (w - 1)
	lo, loC, hi, hiC := addLimits(w, a, b, c)
	carryLo, carryHi := lo^(a.x&^a.v)^(b.x&^b.v), hi^(a.x|a.v)^(b.x|b.v)
	carries := (carryLo ^ carryHi) & mask(w)
	r = carries | a.v | b.v
	if loC != hiC {
		f |= flagC
	}
	f |= r >> (w - 1) << 7 & flagS
	if w > 4 {
		f |= carries & flagA // the carry into bit 4, at its place
	}
	if sumCanBeZero(w, a, b, c) {
		f |= flagZ
	}
	if r&0xff != 0 && parityOpen(min(w, 8), a, b, c) {
		f |= flagP
	}
	f |= overflowV(a.x&top != 0, a.v&top != 0, b.x&top != 0, b.v&top != 0, carryLo&top != 0, carryHi&top != 0)
	// With the signs inverted, numbers count from the smallest one: a carry says that the true sum is not negative.
	sa, sb := val{a.x ^ top, a.v}, val{b.x ^ top, b.v}
	sLo, sLoC, sHi, sHiC := addLimits(w, sa, sb, c)
	if f&(flagS|flagO) != 0 && sLoC == sHiC {
		f |= knownL
	}
	if f&(flagZ|flagS|flagO) != 0 && (sLoC&bit(sLo != 0)) == (sHiC&bit(sHi != 0)) {
		f |= knownLE
	}
	if f&(flagC|flagZ) != 0 {
		var known bool
		if sub {
			known = loC&bit(lo != 0) == hiC&bit(hi != 0)
		} else {
			// The sum is above w bits, or 0: never, or always.
			known = hiC == 0 && !(lo == 0 && loC == 0) || loC != 0
		}
		if known {
			f |= knownBE
		}
	}
	return r, f
}

// overflowV is flagO if overflow of a sum is undefined: of signs a and b with undefinedness va and vb, and a carry into the sign
// between lo and hi.
func overflowV(a, va, b, vb, lo, hi bool) uint64 {
	a1, a0, b1, b0 := a || va, !a || va, b || vb, !b || vb
	c1, c0 := hi, !lo
	yes := a0 && b0 && c1 || a1 && b1 && c0
	no := a0 && b0 && c0 || a1 && b1 && c1 || a0 && b1 || a1 && b0
	if yes && no {
		return flagO
	}
	return 0
}

// sumCanBeZero reports whether a choice of the undefined bits, of which there are some, makes a+b+c zero. Another choice does not.
func sumCanBeZero(w uint, a, b, c val) bool {
	if c.v != 0 {
		return sumCanBeZero(w, a, b, val{}) || sumCanBeZero(w, a, b, val{1, 0})
	}
	m := mask(w)
	switch {
	case c.x != 0:
		return (a.x^^b.x)&m&^(a.v|b.v) == 0
	case b.v == 0:
		return (a.x^-b.x)&m&^a.v == 0
	case a.v == 0:
		return (b.x^-a.x)&m&^b.v == 0
	}
	// From the lowest bit upwards: which carries are possible when all bits below are 0.
	carry := [2]bool{true, false}
	for i := uint(0); i < w; i++ {
		var next [2]bool
		for s := range uint64(8) {
			x, y, cy := s&1, s>>1&1, s>>2
			if carry[cy] && (x == a.x>>i&1 || a.v>>i&1 != 0) && (y == b.x>>i&1 || b.v>>i&1 != 0) && x^y^cy == 0 {
				next[(x+y+cy)>>1] = true
			}
		}
		carry = next
	}
	return carry[0] || carry[1]
}

// parityOpen reports whether the parity of the lowest n bits of a+b+c is undefined.
func parityOpen(n uint, a, b, c val) bool {
	// state[carry<<1|parity]: possible so far.
	var state [4]bool
	state[c.x<<1] = true
	if c.v != 0 {
		state[(c.x^1)<<1] = true
	}
	for i := uint(0); i < n; i++ {
		var next [4]bool
		for s := range uint64(16) {
			x, y, cy, p := s&1, s>>1&1, s>>3, s>>2&1
			if state[s>>2] && (x == a.x>>i&1 || a.v>>i&1 != 0) && (y == b.x>>i&1 || b.v>>i&1 != 0) {
				next[(x+y+cy)>>1<<1|p^x^y^cy] = true
			}
		}
		state = next
	}
	return (state[0] || state[2]) && (state[1] || state[3])
}

// logicFlags are the V bits of the flags of a result whose undefined bits are independent; carry and overflow are 0.
func logicFlags(w uint, r val) (f uint64) {
	if r.v == 0 {
		return 0
	}
	defined := r.x &^ r.v
	f = r.v >> (w - 1) << 7 & flagS
	if defined == 0 {
		f |= flagZ
	}
	if r.v&0xff != 0 {
		f |= flagP
	}
	if defined == 0 && r.v == 1<<(w-1) {
		f |= knownLE // 0 or the smallest number
	}
	return f
}

// andV are the V bits of a&b: a defined 0 decides.
func andV(a, b val) uint64 { return (a.v | b.v) & (a.v | a.x) & (b.v | b.x) }

// orV are the V bits of a|b: a defined 1 decides.
func orV(a, b val) uint64 { return (a.v | b.v) & (a.v | ^a.x) & (b.v | ^b.x) }

// mulV are the V bits of the low w bits of a*b, not exact: what lies between the lowest bit that can change and the highest one
// is undefined. A product with a defined power of two is exact.
func mulV(w uint, a, b val) uint64 {
	if a.v|b.v == 0 {
		return 0
	}
	if a.v == 0 {
		a, b = b, a
	}
	if b.v == 0 && b.x&(b.x-1) == 0 {
		if b.x == 0 {
			return 0
		}
		return a.v << bits.TrailingZeros64(b.x) & mask(w)
	}
	// Bits of a change by a power of two times b.
	low := min(bits.TrailingZeros64(a.v)+bits.TrailingZeros64(b.x|b.v), bits.TrailingZeros64(b.v)+bits.TrailingZeros64(a.x|a.v))
	if low >= int(w) {
		return 0
	}
	loHi, loLo := bits.Mul64(a.x&^a.v, b.x&^b.v)
	hiHi, hiLo := bits.Mul64(a.x|a.v, b.x|b.v)
	return rangeV(loHi^hiHi, loLo^hiLo, 0) &^ (1<<low - 1) & mask(w)
}

// rangeV has the bits from 0 up to the highest set bit of d = hi:lo, in word 0 or 1.
func rangeV(hi, lo uint64, word int) uint64 {
	if word == 1 {
		hi, lo = 0, hi
	}
	if hi != 0 {
		return ^uint64(0)
	}
	return uint64(1)<<bits.Len64(lo) - 1
}

// signedLimits are the smallest and largest number that a can be in two's complement.
func signedLimits(w uint, a val) (lo, hi int64) {
	s := 64 - w
	top := uint64(1) << (w - 1)
	l, h := a.x&^a.v|a.v&top, (a.x|a.v)&^(a.v&top)
	return int64(l<<s) >> s, int64(h<<s) >> s
}

// wide is a number of 128 bits in two's complement.
type wide struct {
	hi int64
	lo uint64
}

func (a wide) less(b wide) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

func mulSigned(a, b int64) wide {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	h := int64(hi)
	if a < 0 {
		h -= b
	}
	if b < 0 {
		h -= a
	}
	return wide{h, lo}
}

// side says whether a is below, within or above the numbers of w bits in two's complement.
func (a wide) side(w uint) int {
	switch {
	case w == 64 && a.hi == int64(a.lo)>>63:
		return 0
	case w < 64 && a.hi == int64(a.lo)>>63 && int64(a.lo)>>(w-1) == int64(a.lo)>>63:
		return 0
	case a.hi < 0:
		return -1
	}
	return 1
}

// mulWideV are the V bits of the low and high half of the product of a and b, and whether it is undefined if it needs the high half.
// Not exact, as mulV.
func mulWideV(w uint, a, b val, signed bool) (lo, hi uint64, open bool) {
	if a.v|b.v == 0 {
		return 0, 0, false
	}
	lo = mulV(w, a, b)
	var dHi, dLo uint64 // where the smallest and the largest product differ
	if signed {
		aLo, aHi := signedLimits(w, a)
		bLo, bHi := signedLimits(w, b)
		least, most := mulSigned(aLo, bLo), mulSigned(aLo, bLo)
		for _, p := range [...]wide{mulSigned(aLo, bHi), mulSigned(aHi, bLo), mulSigned(aHi, bHi)} {
			if p.less(least) {
				least = p
			}
			if most.less(p) {
				most = p
			}
		}
		open = least.side(w) != most.side(w)
		dHi, dLo = uint64(least.hi^most.hi), least.lo^most.lo
	} else {
		loHi, loLo := bits.Mul64(a.x&^a.v, b.x&^b.v)
		hiHi, hiLo := bits.Mul64(a.x|a.v, b.x|b.v)
		if w == 64 {
			open = (loHi != 0) != (hiHi != 0)
		} else {
			open = (loLo>>w != 0) != (hiLo>>w != 0)
		}
		dHi, dLo = loHi^hiHi, loLo^hiLo
	}
	if w == 64 {
		hi = rangeV(dHi, dLo, 1)
	} else {
		hi = rangeV(dHi, dLo, 0) >> w & mask(w)
	}
	if a.v == 0 {
		a, b = b, a
	}
	if b.v == 0 && b.x&(b.x-1) == 0 && b.x != 0 && !(signed && b.x>>(w-1) != 0) {
		// A shift.
		k := uint(bits.TrailingZeros64(b.x))
		ext := a.v
		if signed {
			ext = uint64(int64(a.v<<(64-w)) >> (64 - w))
		}
		switch {
		case w == 64 && signed:
			hi = uint64(int64(ext) >> (64 - k))
		case w == 64:
			hi = ext >> (64 - k)
		default:
			hi = ext << k >> w & mask(w)
		}
	}
	return lo, hi, open
}

// popcntV are the V bits of the number of ones.
func popcntV(a val) uint64 {
	lo, hi := bits.OnesCount64(a.x&^a.v), bits.OnesCount64(a.x|a.v)
	return rangeV(0, uint64(lo^hi), 0) // all numbers between are possible
}

// firstV are the V bits of the position of the lowest set bit, w for none; zero is what stands for none.
func firstV(w uint, a val, zero val) (v uint64) {
	and, or := ^uint64(0), uint64(0)
	add := func(p uint64) { and, or = and&p, or|p }
	for u := a.x | a.v; ; u &= u - 1 {
		if u == 0 {
			add(zero.x)
			return and ^ or | zero.v
		}
		p := uint64(bits.TrailingZeros64(u))
		add(p)
		if a.v>>p&1 == 0 { // a defined 1
			return and ^ or
		}
	}
}

// lastV is the same for the highest set bit; distance counts from the highest bit.
func lastV(w uint, a val, zero val, distance bool) (v uint64) {
	and, or := ^uint64(0), uint64(0)
	add := func(p uint64) { and, or = and&p, or|p }
	for u := a.x | a.v; ; {
		if u == 0 {
			add(zero.x)
			return and ^ or | zero.v
		}
		p := uint64(bits.Len64(u)) - 1
		if distance {
			add(uint64(w) - 1 - p)
		} else {
			add(p)
		}
		if a.v>>p&1 == 0 {
			return and ^ or
		}
		u &^= 1 << p
	}
}

// zeroV reports whether it is undefined if a is 0.
func zeroV(a val) bool { return a.v != 0 && a.x&^a.v == 0 }

// deposit is pdep: the lowest bits of a at the places of the ones of sel.
func deposit(a, sel uint64) (r uint64) {
	for k := 0; sel != 0; k++ {
		r |= a >> k & 1 * (sel & -sel)
		sel &= sel - 1
	}
	return r
}

// extract is pext, the other direction.
func extract(a, sel uint64) (r uint64) {
	for k := 0; sel != 0; k++ {
		r |= bit(a&sel&-sel != 0) << k
		sel &= sel - 1
	}
	return r
}

// maxSelectors is the number of undefined bits of a selector up to which all choices are tried.
const maxSelectors = 4

// selected are the V bits of deposit or extract, which op is; all says what is undefined if too many bits of sel are.
func selected(a, sel val, op func(a, sel uint64) uint64, all func() uint64) uint64 {
	if bits.OnesCount64(sel.v) > maxSelectors {
		return all()
	}
	var o outcome
	counts(sel, 1<<maxSelectors, func(s uint64, first bool) {
		o.merge(outcome{r: val{op(a.x, s), op(a.v, s)}}, first)
	})
	return o.r.v
}

// depositV are the V bits of pdep(a, sel).
func depositV(a, sel val) (v uint64) {
	return selected(a, sel, deposit, func() uint64 {
		low := sel.v&-sel.v - 1 // below the lowest undefined selector it is known where bits of a go
		return deposit(a.v, sel.x&low) | (sel.x|sel.v)&^low
	})
}

// extractV are the V bits of pext(a, sel).
func extractV(a, sel val) (v uint64) {
	return selected(a, sel, extract, func() uint64 {
		low := sel.v&-sel.v - 1
		k, most := bits.OnesCount64(sel.x&low), uint(bits.OnesCount64(sel.x|sel.v))
		return extract(a.v, sel.x&low) | mask(most)&^(1<<k-1)
	})
}

// crcStep is what crc32 makes of crc and n bytes of data. It is linear: bits of the result are sums of bits of the arguments.
func crcStep(crc uint32, data uint64, n uint) uint32 {
	const poly = 0x82f63b78 // Castagnoli, bits reversed
	for range n {
		crc ^= uint32(data & 0xff)
		data >>= 8
		for range 8 {
			crc = crc>>1 ^ poly&-(crc&1)
		}
	}
	return crc
}

// crcV are the V bits of crcStep: those that an undefined bit takes part in.
func crcV(crc uint32, data uint64, n uint) (v uint32) {
	for ; crc != 0 && v != 1<<32-1; crc &= crc - 1 {
		v |= crcStep(crc&-crc, 0, n)
	}
	for ; data != 0 && v != 1<<32-1; data &= data - 1 {
		v |= crcStep(0, data&-data, n)
	}
	return v
}
