package vbits

import (
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// width is the number of bytes of operand i that count, at most 8.
func (m *Machine) width(i int) int { return min(int(m.ops[i].Width), 8) }

// value is operand i's value before the instruction, of at most 8 bytes: a general, mask or flags register, memory, an
// immediate (sign-extended to the width of operand 0).
func (m *Machine) value(i int) uint64 {
	o := &m.ops[i]
	switch o.Kind {
	case amd64.OpImm:
		if o.Loc == amd64.LI1 {
			return 1
		}
		if o.Loc == amd64.LI2b {
			return uint64(m.in.Imm2)
		}
		return uint64(m.in.Imm) & ones(max(m.width(0), m.width(i)))
	case amd64.OpMem, amd64.OpImpl:
		a := m.access(i)
		if a == nil {
			return 0
		}
		p := m.buf8[:min(int(a.Size), 8)]
		m.mem.Load(p, m.address(a))
		return le(p)
	}
	switch o.Class {
	case amd64.CGPR:
		return m.regs.GPR[o.Num&15] & ones(int(o.Width))
	case amd64.CGPRH:
		return m.regs.GPR[o.Num&3] >> 8 & 0xff
	case amd64.CK:
		return m.v.Mask(o.Num) & ones(int(o.Width))
	case amd64.CVec:
		var v [8]uint64
		m.v.Vec(o.Num, &v)
		if o.Hi {
			return v[1]
		}
		return v[0] & ones(int(o.Width))
	case amd64.CMMX:
		var v [2]uint64
		m.v.ST(o.Num, &v)
		return v[0] & ones(int(o.Width))
	}
	return 0
}

// get is operand i as value and vbits give it.
func (m *Machine) get(i int) val { return val{m.value(i), m.vbits(i)} }

// vbits is the same for the V bits of operand i.
func (m *Machine) vbits(i int) uint64 {
	o := &m.ops[i]
	switch o.Kind {
	case amd64.OpMem, amd64.OpImpl:
		a := m.access(i)
		if a == nil || a.Kind&isa.Load == 0 {
			return 0
		}
		return m.loadBits(m.address(a), min(int(a.Size), 8))
	case amd64.OpReg:
		switch o.Class {
		case amd64.CGPR:
			return m.File.GPR[o.Num&15] & ones(int(o.Width))
		case amd64.CGPRH:
			return m.File.GPR[o.Num&3] >> 8 & 0xff
		case amd64.CK:
			return m.File.Mask[o.Num&7] & ones(int(o.Width))
		case amd64.CVec:
			if o.Hi {
				return m.File.Vec[o.Num][1]
			}
			return m.File.Vec[o.Num][0] & ones(int(o.Width))
		case amd64.CMMX:
			return m.File.ST[o.Num&7][0] & ones(int(o.Width))
		}
	}
	return 0
}

// setGPR gives general register n the V bits v in its lowest w bytes: 4 bytes clear the upper half, fewer keep the rest.
func (m *Machine) setGPR(n uint8, w int, v uint64) {
	n &= 15
	v &= ones(w)
	if w < 4 {
		old := m.File.GPR[n]
		if m.gprSet>>n&1 != 0 {
			old = m.gpr[n]
		}
		v |= old &^ ones(w)
	}
	m.gpr[n], m.gprSet = v, m.gprSet|1<<n
}

// set gives operand i, of at most 8 bytes, V bits v, if it is one that V bits are kept of: a general register (see setGPR), a mask
// register (the rest becomes defined), memory, an MMX register (its exponent becomes defined: all ones).
func (m *Machine) set(i int, v uint64) {
	o := &m.ops[i]
	switch o.Kind {
	case amd64.OpMem, amd64.OpImpl:
		a := m.access(i)
		if a == nil || a.Kind&isa.Store == 0 {
			return
		}
		m.storeBits(m.address(a), v, min(int(a.Size), 8))
	case amd64.OpReg:
		switch o.Class {
		case amd64.CGPR:
			m.setGPR(o.Num, int(o.Width), v)
		case amd64.CGPRH:
			n := o.Num & 3
			old := m.File.GPR[n]
			if m.gprSet>>n&1 != 0 {
				old = m.gpr[n]
			}
			m.gpr[n], m.gprSet = old&^0xff00|v&0xff<<8, m.gprSet|1<<n
		case amd64.CK:
			m.setMask(o.Num, v&ones(int(o.Width)))
		case amd64.CMMX:
			m.setST(o.Num, [2]uint64{v})
		}
	}
}
