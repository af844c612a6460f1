package vbits

import (
	"math/bits"

	"gogrind/internal/guest"
)

// leftFlags gives flags that the manuals call undefined after an instruction, and that some processors leave alone, the V bits of what
// they were and of the inputs.
func (m *Machine) leftFlags(which uint64, any bool) {
	m.setFlags(which, m.File.Flags&which|boolMask(any)&which)
}

func (m *Machine) mul() bool {
	in := m.in
	switch {
	case in.Map == 2: // mulx: high half, low half, two factors
		lo, hi, _ := mulWideV(m.bits(2), m.get(2), m.get(3), false)
		m.set(1, lo)
		m.set(0, hi)
		return true
	case in.Map == 0 && in.Op >= 0xf6: // one operand, rax, result
		w := m.bits(0)
		a, b := m.get(0), m.gprVal(guest.RAX, w)
		lo, hi, open := mulWideV(w, a, b, in.ModRM>>3&7 == 5)
		if w == 8 {
			m.setGPR(guest.RAX, 2, lo|hi<<8)
		} else {
			m.setGPR(guest.RAX, int(w/8), lo)
			m.setGPR(guest.RDX, int(w/8), hi)
		}
		m.mulFlags(open, a.v|b.v != 0)
		return true
	}
	i, j := 1, 2
	if in.Map == 1 {
		i, j = 0, 1
	}
	w := m.bits(0)
	a, b := m.get(i), m.get(j)
	lo, _, open := mulWideV(w, a, b, true)
	if m.sameRegister(i, j) {
		lo &^= 2 // bit 1 of a square is 0
	}
	m.set(0, lo)
	m.mulFlags(open, a.v|b.v != 0)
	return true
}

func (m *Machine) mulFlags(open, any bool) {
	m.leftFlags(flagP|flagA|flagZ|flagS, any)
	m.setFlags(flagC|flagO, boolMask(open))
}

// div: an undefined bit makes all undefined that is not known by the sizes of the numbers.
func (m *Machine) div() bool {
	w := m.bits(0)
	d := m.get(0)
	var n, high val
	if w == 8 {
		n = m.gprVal(guest.RAX, 16)
	} else {
		n, high = m.gprVal(guest.RAX, w), m.gprVal(guest.RDX, w)
	}
	any := n.v|d.v|high.v != 0
	var q, r uint64
	if any {
		q, r = mask(w), mask(w)
		signed := m.in.ModRM>>3&7 == 7
		if w < 64 && w > 8 {
			n = val{n.x | high.x<<w, n.v | high.v<<w}
		}
		if !signed && (w < 64 || high == val{}) {
			q, r = divV(w, n, d)
		}
	}
	if w == 8 {
		m.setGPR(guest.RAX, 2, q|r<<8)
	} else {
		m.setGPR(guest.RAX, int(w/8), q)
		m.setGPR(guest.RDX, int(w/8), r)
	}
	m.leftFlags(flagsArith, any)
	return true
}

// divV are the V bits of quotient and remainder of an unsigned division that does not fail.
func divV(w uint, n, d val) (q, r uint64) {
	if d.v == 0 && d.x&(d.x-1) == 0 && d.x != 0 {
		return n.v >> bits.TrailingZeros64(d.x) & mask(w), n.v & (d.x - 1)
	}
	least, most := (n.x&^n.v)/max(d.x|d.v, 1), (n.x|n.v)/max(d.x&^d.v, 1)
	if most > mask(w) {
		most = mask(w)
	}
	if least > mask(w) {
		least = 0
	}
	// The remainder is less than the divisor and not more than the dividend.
	return rangeV(0, least^most, 0) & mask(w), rangeV(0, min((d.x|d.v)-1, n.x|n.v), 0) & mask(w)
}
