package vbits

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

func (m *Machine) xadd() bool {
	a, b := m.get(0), m.get(1)
	r, f := addFlags(m.bits(0), a, b, val{}, false)
	if m.sameRegister(0, 1) {
		r, f = m.double(val{})
	}
	m.set(1, a.v)
	m.set(0, r)
	m.setFlags(flagsArith, f)
	return true
}

// cmpxchg is cmpxchg, cmpxchg8b, cmpxchg16b and cmpccxadd.
func (m *Machine) cmpxchg() bool {
	in := m.in
	switch {
	case in.Map == 2:
		m.cmpccxadd()
		return true
	case in.Op == 0xc7:
		m.cmpxchgPair()
		return true
	}
	w := m.bits(0)
	n := int(w / 8)
	old, src, acc := m.get(0), m.get(1), m.gprVal(guest.RAX, w)
	_, f := addFlags(w, acc, val{^old.x & mask(w), old.v}, val{1, 0}, true)
	inRAX := m.ops[0].Kind == amd64.OpReg && m.ops[0].Class == amd64.CGPR && m.ops[0].Num == guest.RAX
	if inRAX {
		f = 0 // equal to itself
	}
	m.setFlags(flagsArith, f)
	equal := acc.x == old.x
	rax := m.gprVal(guest.RAX, 64)
	switch {
	case f&flagZ != 0:
		// If they are equal, the accumulator holds the old value too. A 32-bit one loses its upper half only if they are not.
		m.setGPR(guest.RAX, n, old.v)
		if n == 4 {
			m.gpr[guest.RAX] |= (rax.v | rax.x) &^ ones(4)
		}
		m.set(0, old.v|src.v|(old.x^src.x))
		if n == 4 && m.ops[0].Kind == amd64.OpReg {
			// Whether a register keeps its upper half when the comparison fails differs between processors.
			r := m.gprVal(m.ops[0].Num, 64)
			m.gpr[m.ops[0].Num&15] |= (r.v | r.x) &^ ones(4)
		}
	case equal:
		m.set(0, src.v)
	default:
		if n == 4 && m.ops[0].Kind == amd64.OpReg {
			r := m.gprVal(m.ops[0].Num, 64)
			m.setGPR(m.ops[0].Num, 8, r.v)
		} else {
			m.set(0, old.v)
		}
		m.setGPR(guest.RAX, n, old.v)
	}
	return true
}

// cmpxchgPair compares rdx:rax with memory of twice their size. As with Valgrind, the result of the comparison is always defined: what
// is compared are structures with padding, and what is undefined in them is equal when nobody else wrote.
func (m *Machine) cmpxchgPair() {
	n := 4 << m.in.W
	w := uint(n) * 8
	acc := m.access(0)
	at := m.address(acc)
	lo, hi := m.memVal(at, n), m.memVal(at+guest.Addr(n), n)
	rax, rdx := m.gprVal(guest.RAX, w), m.gprVal(guest.RDX, w)
	m.setFlags(flagZ, 0)
	v := m.buf16[:2*n]
	put := func(p []byte, lo, hi uint64) {
		if n == 4 {
			lo |= hi << 32
		} else {
			putBits(p[8:], hi)
		}
		putBits(p, lo)
	}
	if rax.x == lo.x && rdx.x == hi.x {
		put(v, m.gprVal(guest.RBX, w).v, m.gprVal(guest.RCX, w).v)
		m.storeV(at, v)
		return
	}
	put(v, lo.v, hi.v)
	m.storeV(at, v)
	m.setGPR(guest.RAX, n, lo.v)
	m.setGPR(guest.RDX, n, hi.v)
}

// cmpccxadd compares memory with operand 1, which gets the old value, and adds operand 2 to memory if the condition is true.
func (m *Machine) cmpccxadd() {
	w := m.bits(0)
	old, a, add := m.get(0), m.get(1), m.get(2)
	inv := val{^a.x & mask(w), a.v}
	_, f := addFlags(w, old, inv, val{1, 0}, true)
	yes, undefined := conditionOf(m.in.Op, subFlags(w, old.x, a.x), f)
	sum := val{(old.x + add.x) & mask(w), addV(w, old, add, val{})}
	switch {
	case undefined:
		m.set(0, old.v|sum.v|(old.x^sum.x))
	case yes:
		m.set(0, sum.v)
	default:
		m.set(0, old.v)
	}
	m.set(1, old.v)
	m.setFlags(flagsArith, f)
}

// subFlags are the flags of a-b but for P and A.
func subFlags(w uint, a, b uint64) uint64 {
	r := (a - b) & mask(w)
	return bit(a < b) | bit(r == 0)<<6 | r>>(w-1)<<7 | ((a^b)&(a^r))>>(w-1)<<11
}

func (m *Machine) xlat() bool {
	m.set(1, m.vbits(0))
	return true
}
