package vbits

import (
	"math/bits"

	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
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
		lo, hi, _ := multiplyV(m.bits(2), m.get(2), m.get(3), false, m.sameRegister(2, 3))
		m.set(1, lo)
		m.set(0, hi)
		return true
	case in.Map == 0 && in.Op >= 0xf6: // one operand, rax, result
		w := m.bits(0)
		a, b := m.get(0), m.gprVal(guest.RAX, w)
		o := &m.ops[0]
		same := o.Kind == amd64.OpReg && o.Class == amd64.CGPR && o.Num == guest.RAX
		lo, hi, open := multiplyV(w, a, b, in.ModRM>>3&7 == 5, same)
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
	lo, _, open := multiplyV(w, a, b, true, m.sameRegister(i, j))
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
		signed := m.in.ModRM>>3&7 == 7
		narrow := true
		switch {
		case w == 64 && signed: // the upper half is a sign
			narrow = high.v == 0 && n.v>>63 == 0 && high.x == -(n.x>>63)
		case w == 64:
			narrow = high == val{}
		case w > 8:
			n = val{n.x | high.x<<w, n.v | high.v<<w}
		}
		if s := 64 - 2*w; signed && w < 64 { // bits above the dividend are its sign
			n = val{uint64(int64(n.x<<s) >> s), n.v}
			narrow = n.v>>(2*w-1) == 0
		}
		q, r = mask(w), mask(w)
		if narrow {
			q, r = divideV(w, n, d, signed)
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
