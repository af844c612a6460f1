package vbits

import "math/bits"

// outcome is what a shift by one count gives: the result and its flags, with their values, as undefined counts need them.
type outcome struct {
	r val
	f val // at the places of rflags; those that are not written are the old ones
}

// merge makes o what a result is that may be o or p. first says that there is no o yet.
func (o *outcome) merge(p outcome, first bool) {
	if first {
		*o = p
		return
	}
	o.r.v |= p.r.v | (o.r.x ^ p.r.x)
	o.f.v = (o.f.v | p.f.v | (o.f.x ^ p.f.x)) &^ knownAll
}

// counts calls do for each value that c can have, the actual one first. It gives up when there are more than limit.
func counts(c val, limit int, do func(c uint64, first bool)) bool {
	if bits.OnesCount64(c.v) >= bits.Len(uint(limit)) {
		return false
	}
	do(c.x, true)
	// The non-empty subsets of c.v, from largest to smallest.
	for s := c.v; s != 0; s = (s - 1) & c.v {
		do(c.x^s, false)
	}
	return true
}

// logicValues are the flags of a result with their values.
func logicValues(w uint, r val) val {
	x := bit(r.x == 0)<<6 | r.x>>(w-1)<<7 | bit(bits.OnesCount8(uint8(r.x))&1 == 0)<<2
	return val{x, logicFlags(w, r) &^ knownAll}
}

// shift is shl, shr, sar, shld, shrd and their forms without flags.
func (m *Machine) shift() bool {
	in := m.in
	w := m.bits(0)
	cm := uint64(31)
	if w == 64 {
		cm = 63
	}
	if in.Map == 2 { // shlx, sarx, shrx: pp 66, f3, f2
		var o outcome
		a, c := m.get(1), m.get(2)
		if a.v|c.v == 0 {
			m.set(0, 0)
			return true
		}
		op := uint8(4)
		switch in.PP {
		case 4:
			op = 7
		case 2:
			op = 5
		}
		counts(val{c.x & cm, c.v & cm}, 64, func(c uint64, first bool) { o.merge(shiftBy(op, w, a, c, val{}), first) })
		m.set(0, o.r.v)
		return true
	}
	double := in.Map == 1
	ci := 1
	var b val
	if double {
		ci = 2
	}
	cv := m.vbits(ci) & cm
	old := val{m.regs.RFlags & flagsArith, m.File.Flags & flagsArith}
	va := m.vbits(0)
	if double {
		b = m.get(1)
	}
	if va|b.v|cv|old.v == 0 {
		m.set(0, 0)
		m.setFlags(flagsArith, 0)
		return true
	}
	a := m.get(0)
	c := val{m.value(ci) & cm, cv}
	if c == (val{}) { // only 32-bit registers change, their upper half
		m.set(0, a.v)
		return true
	}
	var o outcome
	counts(c, 64, func(c uint64, first bool) {
		if double {
			o.merge(shiftDouble(in.Op&8 == 0, w, a, b, c, old), first)
		} else {
			o.merge(shiftBy(in.ModRM>>3&7, w, a, c, old), first)
		}
	})
	if cv != 0 {
		o.f.v |= flagA | flagO // what processors leave in them is not in logicValues
		if double && w == 16 {
			o = outcome{val{0, mask(w)}, val{0, flagsArith}} // nor what they make of counts above 16
		}
	}
	m.set(0, o.r.v)
	m.setFlags(flagsArith, o.f.v)
	return true
}

// shiftBy shifts a by c, which is less than 64: op is ModRM.reg of the shift group. old are the flags before.
func shiftBy(op uint8, w uint, a val, c uint64, old val) (o outcome) {
	if c == 0 {
		return outcome{a, old}
	}
	var carry val
	switch op {
	case 5:
		o.r = val{a.x >> c, a.v >> c}
		carry = val{a.x >> (c - 1), a.v >> (c - 1)}
	case 7:
		s := 64 - w
		x, v := int64(a.x<<s)>>s, int64(a.v<<s)>>s
		o.r = val{uint64(x>>c) & mask(w), uint64(v>>c) & mask(w)}
		carry = val{uint64(x >> (c - 1)), uint64(v >> (c - 1))}
	default:
		o.r = val{a.x << c & mask(w), a.v << c & mask(w)}
		if c <= uint64(w) {
			carry = val{a.x >> (uint64(w) - c), a.v >> (uint64(w) - c)}
		}
	}
	o.f = logicValues(w, o.r)
	o.f.x |= carry.x & flagC
	o.f.v |= carry.v & flagC
	// Overflow is defined for a count of 1: shl changes the sign, shr takes the sign away. Else processors leave what they like.
	over := val{0, a.v}
	if c == 1 {
		switch op {
		case 5:
			over = val{a.x >> (w - 1), a.v >> (w - 1)}
		case 7:
			over = val{}
		default:
			over = val{a.x>>(w-1) ^ a.x>>(w-2), a.v>>(w-1) | a.v>>(w-2)&1}
		}
		o.f.x |= over.x & 1 << 11
		o.f.v |= over.v & 1 << 11
	} else {
		o.f.v |= flagO & boolMask(a.v != 0)
	}
	o.f.v |= flagA & boolMask(a.v != 0)
	o.f.x |= old.x & flagA
	return o
}

// shiftDouble is shld or shrd.
func shiftDouble(left bool, w uint, a, b val, c uint64, old val) (o outcome) {
	if c == 0 {
		return outcome{a, old}
	}
	any := (a.v | b.v) != 0
	if c > uint64(w) { // 16-bit operands: the manuals call the result undefined
		return outcome{val{0, mask(w) & boolMask(any)}, val{0, flagsArith & boolMask(any)}}
	}
	var carry val
	u := uint64(w)
	if left {
		o.r = val{(a.x<<c | b.x>>(u-c)) & mask(w), (a.v<<c | b.v>>(u-c)) & mask(w)}
		carry = val{a.x >> (u - c), a.v >> (u - c)}
	} else {
		o.r = val{(a.x>>c | b.x<<(u-c)) & mask(w), (a.v>>c | b.v<<(u-c)) & mask(w)}
		carry = val{a.x >> (c - 1), a.v >> (c - 1)}
	}
	o.f = logicValues(w, o.r)
	o.f.x |= carry.x & flagC
	o.f.v |= carry.v & flagC
	if c == 1 {
		o.f.x |= (o.r.x ^ a.x) >> (w - 1) << 11 & flagO
		o.f.v |= (o.r.v | a.v) >> (w - 1) << 11 & flagO
	} else {
		o.f.v |= flagO & boolMask(any)
	}
	o.f.v |= flagA & boolMask(any)
	o.f.x |= old.x & flagA
	return o
}
