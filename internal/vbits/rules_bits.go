package vbits

import (
	"math/bits"

	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// rot is rol, ror, rcl, rcr and rorx.
func (m *Machine) rot() bool {
	in := m.in
	w := m.bits(0)
	if in.Map == 3 { // rorx
		c := int(uint(in.Imm) & (w - 1))
		v := m.vbits(1)
		m.set(0, (v>>c|v<<(int(w)-c))&mask(w))
		return true
	}
	cm := uint64(31)
	if w == 64 {
		cm = 63
	}
	cv := m.vbits(1) & cm
	va := m.vbits(0)
	old := val{m.regs.RFlags & (flagC | flagO), m.File.Flags & (flagC | flagO)}
	if va|cv|old.v == 0 {
		m.set(0, 0)
		m.setFlags(flagC|flagO, 0)
		return true
	}
	c := val{m.value(1) & cm, cv}
	if c == (val{}) {
		m.set(0, va)
		return true
	}
	a := m.get(0)
	var o outcome
	op := in.ModRM >> 3 & 7
	counts(c, 64, func(c uint64, first bool) { o.merge(rotBy(op, w, a, c, old), first) })
	if cv != 0 {
		o.f.v |= flagO
	}
	m.set(0, o.r.v)
	m.setFlags(flagC|flagO, o.f.v)
	return true
}

// rotBy rotates a by c, as shiftBy.
func rotBy(op uint8, w uint, a val, c uint64, old val) (o outcome) {
	if c == 0 {
		return outcome{a, old}
	}
	n := uint(c)
	carry := val{old.x & flagC, old.v & flagC}
	rotate := func(x, cy uint64) (r, out uint64) {
		switch op {
		case 0:
			k := n % w
			r = (x<<k | x>>(w-k)) & mask(w)
			return r, r & 1
		case 1:
			k := n % w
			r = (x>>k | x<<(w-k)) & mask(w)
			return r, r >> (w - 1)
		case 2: // w+1 bits, the carry above
			for range n % (w + 1) {
				x, cy = x<<1&mask(w)|cy, x>>(w-1)&1
			}
		default:
			for range n % (w + 1) {
				x, cy = x>>1|cy<<(w-1), x&1
			}
		}
		return x, cy
	}
	var out val
	o.r.x, out.x = rotate(a.x, carry.x)
	o.r.v, out.v = rotate(a.v, carry.v)
	o.f = out
	if c == 1 {
		// Left: the sign against the carry. Right: the two highest bits.
		over := val{o.r.x>>(w-1) ^ out.x, o.r.v>>(w-1) | out.v}
		if op&1 != 0 {
			over = val{o.r.x>>(w-1) ^ o.r.x>>(w-2)&1, o.r.v>>(w-1) | o.r.v>>(w-2)&1}
		}
		o.f.x |= over.x << 11
		o.f.v |= over.v << 11
	} else {
		o.f.v |= flagO & boolMask(a.v|carry.v&-uint64(op>>1) != 0) // the old flag is gone in any case
	}
	return o
}

// bt tests a bit, and bts, btr, btc set, clear or flip it.
func (m *Machine) bt() bool {
	in := m.in
	w := m.bits(0)
	off := m.get(1)
	op := in.Op >> 3 & 3 // 0: bt, 1: bts, 2: btr, 3: btc
	if in.Op == 0xba {
		op = in.ModRM >> 3 & 3
	}
	var a val
	var at guest.Addr
	mem := m.ops[0].Kind == amd64.OpMem
	if mem {
		acc := m.access(0)
		at = m.address(acc)
		if acc.Outside {
			// The bit may be anywhere: whole operands before or behind.
			at += guest.Addr(int64(off.x<<(64-w))>>(64-w)>>bits.TrailingZeros(w)) * guest.Addr(w/8)
			if off.v&^uint64(w-1) != 0 {
				m.use(UseAddress, 8, m.Origins.GPR[m.ops[1].Num&15])
			}
		}
		a = m.memVal(at, int(w/8))
	} else {
		a = m.get(0)
	}
	off.x, off.v = off.x&uint64(w-1), off.v&uint64(w-1)
	var o outcome
	if off.v == 0 {
		o.f = val{a.x >> off.x & 1, a.v >> off.x & 1}
		o.r.v = a.v
		if op == 1 || op == 2 {
			o.r.v &^= 1 << off.x
		}
	} else {
		counts(off, 64, func(c uint64, first bool) {
			p := outcome{r: a, f: val{a.x >> c & 1, a.v >> c & 1}}
			switch op {
			case 1:
				p.r = val{a.x | 1<<c, a.v &^ (1 << c)}
			case 2:
				p.r = val{a.x &^ (1 << c), a.v &^ (1 << c)}
			case 3:
				p.r.x ^= 1 << c
			}
			o.merge(p, first)
		})
	}
	if op != 0 {
		if mem {
			m.storeBits(at, o.r.v, int(w/8))
		} else {
			m.set(0, o.r.v)
		}
	}
	m.leftFlags(flagP|flagA|flagS|flagO, a.v|off.v != 0)
	m.setFlags(flagC, o.f.v)
	return true
}

// bextr is bextr and bzhi.
func (m *Machine) bextr() bool {
	w := m.bits(0)
	a, c := m.get(1), m.get(2)
	var o outcome
	if m.in.Op == 0xf5 { // bzhi
		c = val{c.x & 0xff, c.v & 0xff}
		counts(c, 256, func(c uint64, first bool) {
			k := mask(w)
			if c < uint64(w) {
				k = 1<<c - 1
			}
			p := outcome{r: val{a.x & k, a.v & k}}
			p.f = logicValues(w, p.r)
			p.f.x |= bit(c >= uint64(w))
			o.merge(p, first)
		})
		m.set(0, o.r.v)
		m.setFlags(flagsArith, o.f.v&(flagC|flagZ|flagS)|(flagP|flagA)&boolMask(a.v|c.v != 0))
		return true
	}
	c = val{c.x & 0xffff, c.v & 0xffff}
	known := counts(c, 256, func(c uint64, first bool) {
		start, n := c&0xff, c>>8
		var p outcome
		if start < uint64(w) {
			p.r = val{a.x >> start, a.v >> start}
		}
		if n < uint64(w) {
			p.r = val{p.r.x & (1<<n - 1), p.r.v & (1<<n - 1)}
		}
		p.f = logicValues(w, p.r)
		o.merge(p, first)
	})
	if !known {
		o = outcome{val{0, mask(w)}, val{0, flagZ}}
	}
	m.set(0, o.r.v)
	m.setFlags(flagsArith, o.f.v&flagZ|(flagP|flagA|flagS)&boolMask(a.v|c.v != 0))
	return true
}

// bmi1 is blsr, blsmsk and blsi, which clear, mask up to, and isolate the lowest set bit.
func (m *Machine) bmi1() bool {
	w := m.bits(0)
	a := m.get(1)
	if a.v == 0 {
		m.set(0, 0)
		m.setFlags(flagsArith, 0)
		return true
	}
	one := a.x &^ a.v & -(a.x &^ a.v) // the lowest defined 1
	below := one - 1                  // all bits if there is none
	u := a.v & below & mask(w)        // undefined bits that may come first
	low := u & -u
	var r val
	var f uint64
	zero := bit(zeroV(a))
	switch m.in.ModRM >> 3 & 7 {
	case 1: // blsr
		r = val{a.x & (a.x - 1), a.v &^ below &^ one}
		if u != 0 {
			r.v |= u&^low | one
		}
		ones, most := bits.OnesCount64(a.x&^a.v), bits.OnesCount64(a.x|a.v)
		f = zero | bit(ones <= 1 && most >= 2)<<6 | r.v>>(w-1)<<7
	case 2: // blsmsk
		r = val{a.x ^ (a.x - 1), 0}
		if u != 0 {
			r.v = (below | one) & mask(w) &^ (low<<1 - 1)
		}
		f = zero | r.v>>(w-1)<<7
	default: // blsi
		r = val{a.x & -a.x, 0}
		if u != 0 {
			r.v = u | one
		}
		f = zero | zero<<6 | r.v>>(w-1)<<7
	}
	m.set(0, r.v)
	m.setFlags(flagsArith, f|flagP|flagA)
	return true
}

// pdep is pdep and pext.
func (m *Machine) pdep() bool {
	a, sel := m.get(1), m.get(2)
	if a.v|sel.v == 0 {
		m.set(0, 0)
		return true
	}
	if m.in.PP&2 != 0 {
		m.set(0, depositV(a, sel))
	} else {
		m.set(0, extractV(a, sel))
	}
	return true
}

// ctz is bsf and tzcnt.
func (m *Machine) ctz() bool {
	w := m.bits(0)
	a := m.get(1)
	m.leftFlags(flagP|flagA|flagS|flagO, a.v != 0)
	if m.in.PP&4 == 0 { // bsf: leaves the destination alone when there is no bit
		m.scanned(a, firstV(w, a, m.get(0)))
		return true
	}
	m.set(0, firstV(w, a, val{uint64(w), 0}))
	m.setFlags(flagC|flagZ, bit(zeroV(a))|a.v&1<<6)
	return true
}

// clz is bsr and lzcnt.
func (m *Machine) clz() bool {
	w := m.bits(0)
	a := m.get(1)
	m.leftFlags(flagP|flagA|flagS|flagO, a.v != 0)
	if m.in.PP&4 == 0 {
		m.scanned(a, lastV(w, a, m.get(0), false))
		return true
	}
	m.set(0, lastV(w, a, val{uint64(w), 0}, true))
	m.setFlags(flagC|flagZ, bit(zeroV(a))|a.v>>(w-1)<<6)
	return true
}

// scanned is what bsf and bsr of a leave, v being the V bits of the position.
func (m *Machine) scanned(a val, v uint64) {
	m.leftFlags(flagC, a.v != 0)
	m.setFlags(flagZ, boolMask(zeroV(a)))
	o := &m.ops[0]
	if o.Width != 4 {
		m.set(0, v)
		return
	}
	// The upper half is cleared, but not when there is no bit.
	old := m.gprVal(o.Num, 64)
	switch {
	case zeroV(a):
		v |= (old.v | old.x) &^ ones(4)
	case a.x == 0:
		v |= old.v &^ ones(4)
	}
	m.setGPR(o.Num, 8, v)
}

func (m *Machine) popcnt() bool {
	a := m.get(1)
	m.set(0, popcntV(a))
	m.setFlags(flagsArith, flagZ&boolMask(zeroV(a)))
	return true
}

func (m *Machine) crc32() bool {
	v := crcV(uint32(m.vbits(0)), m.vbits(1), m.bits(1)/8)
	m.setGPR(m.ops[0].Num, 8, uint64(v)) // the upper half is 0
	return true
}

// bswap is bswap and movbe. What becomes of 16-bit registers is undefined.
func (m *Machine) bswap() bool {
	i := len(m.ops) - 1
	v := m.vbits(i)
	switch w := m.bits(0); {
	case w == 16 && i == 0:
		v = boolMask(v != 0)
	case w == 16:
		v = uint64(bits.ReverseBytes16(uint16(v)))
	case w == 32:
		v = uint64(bits.ReverseBytes32(uint32(v)))
	default:
		v = bits.ReverseBytes64(v)
	}
	m.set(0, v)
	return true
}
