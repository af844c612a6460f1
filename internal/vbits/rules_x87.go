package vbits

import (
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// Bits of the x87 status word: condition codes.
const (
	swC0 = 1 << 8
	swC1 = 1 << 9
	swC2 = 1 << 10
	swC3 = 1 << 14
)

// all80 is an 80-bit register in which everything is undefined.
var all80 = [2]uint64{^uint64(0), 0xffff}

// stNum is the physical number of st(i).
func (m *Machine) stNum(i uint8) uint8 { return (m.top() + i) & 7 }

// pushes reports whether the top of the stack moves before the results are written.
func (m *Machine) pushes() bool {
	for i := range m.ops {
		if o := &m.ops[i]; o.Kind == amd64.OpReg && o.Class == amd64.CMisc && o.Num == amd64.MiscX87Push {
			return true
		}
	}
	return false
}

// stValue and stV are the value and V bits of physical register n.
func (m *Machine) stValue(n uint8) (v [2]uint64) {
	m.v.ST(n, &m.st[n]) // not set yet
	return m.st[n]
}

// memST is what the memory operand becomes in an 80-bit register.
func (m *Machine) memST(a *amd64.Access) (r [2]uint64) {
	at := m.address(a)
	switch a.Size {
	case 10:
		return m.loadExtended(at)
	case 8:
		return fromDouble(m.memVal(at, 8), 11, 52)
	case 4:
		return fromDouble(m.memVal(at, 4), 8, 23)
	}
	return r
}

// fromDouble are the V bits of a number with exponents of e bits and fractions of f bits as an 80-bit number: those of fraction and
// sign keep their places if the exponent is that of a normal number.
func fromDouble(a val, e, f uint) (r [2]uint64) {
	if a.v == 0 {
		return r
	}
	exp := val{a.x >> f & mask(e), a.v >> f & mask(e)}
	sign := a.v >> (e + f) & 1 << 15
	if exp.v != 0 || exp.x == 0 || exp.x == mask(e) {
		if a.v&mask(e+f) == 0 {
			return [2]uint64{0, sign}
		}
		return [2]uint64{^uint64(0), 0x7fff | boolMask(exp.x == mask(e) || sign != 0)&0x8000}
	}
	return [2]uint64{a.v & mask(f) << (63 - f), sign}
}

// toDouble is the other direction: exact if nothing is rounded.
func toDouble(x, v [2]uint64, e, f uint) uint64 {
	if v == ([2]uint64{}) {
		return 0
	}
	all := mask(1 + e + f)
	bias, below := uint64(1)<<(e-1)-1, mask(63-f)
	exp := x[1] & 0x7fff
	if v[1]&0x7fff != 0 || (v[0]|x[0])&below != 0 || v[0]>>63 != 0 || x[0]>>63 == 0 || exp < 16383-bias+1 || exp > 16383+bias {
		return all
	}
	return v[0]<<1>>(64-f) | v[1]>>15<<(e+f)
}

// x87Mov is moves of registers.
func (m *Machine) x87Mov() bool {
	in, f := m.in, &m.File
	reg, i := in.ModRM>>3&7, in.ModRM&7
	if !in.HasMem && (in.Op == 0xda || in.Op == 0xdb && reg < 4) {
		m.fcmov()
		return true
	}
	m.setFPSW(m.x87Conditions(), 0)
	if in.HasMem {
		a := &m.accs[0]
		if a.Kind == isa.Load {
			m.setST(m.stNum(7), m.memST(a))
			return true
		}
		n := m.stNum(0)
		switch at := m.address(a); a.Size {
		case 10:
			m.storeExtended(at, f.ST[n])
		case 8:
			m.storeBits(at, m.roundedV(n, 11, 52), 8)
		default:
			m.storeBits(at, m.roundedV(n, 8, 23), 4)
		}
		return true
	}
	st0, sti := m.stNum(0), m.stNum(i)
	switch op := in.Op; {
	case op == 0xdb: // fninit
	case op == 0xd9 && reg == 5: // constants
		m.setST(m.stNum(7), [2]uint64{})
	case op == 0xd9 && reg == 0: // fld
		m.setST(m.stNum(7), f.ST[sti])
	case op == 0xd9 && reg == 6, reg == 0 && (op == 0xdd || op == 0xdf): // fdecstp, fincstp, ffree, ffreep
	case reg == 1: // fxch
		a, b := f.ST[st0], f.ST[sti]
		m.setST(st0, b)
		m.setST(sti, a)
	default: // fst, fstp
		v := f.ST[st0]
		if op == 0xd9 { // fstpnce leaves the destination alone when the source is empty
			v = [2]uint64{v[0] | f.ST[sti][0], v[1] | f.ST[sti][1]}
		}
		m.setST(sti, v)
	}
	return true
}

// roundedV are the V bits of physical register n stored as a shorter number.
func (m *Machine) roundedV(n uint8, e, f uint) uint64 {
	v := m.File.ST[n]
	if v == ([2]uint64{}) {
		return 0
	}
	m.setFPSW(swC1, swC1) // rounded up or not
	return toDouble(m.stValue(n), v, e, f)
}

// fcmov: as cmov, with 80 bits. The condition codes stay.
func (m *Machine) fcmov() {
	cc := [4]uint8{2, 4, 6, 10}[m.in.ModRM>>3&3] // b, e, be, p as condition numbers
	yes, undefined := m.condition(cc | m.in.Op&1)
	f := &m.File
	n, k := m.stNum(0), m.stNum(m.in.ModRM&7)
	switch {
	case undefined:
		x, y := m.stValue(n), m.stValue(k)
		for i := range x {
			x[i] = x[i] ^ y[i] | f.ST[n][i] | f.ST[k][i]
		}
		m.setST(n, x)
	case yes:
		m.setST(n, f.ST[k])
	}
}

// x87Conditions are those condition bits that the instruction defines, in the status word.
func (m *Machine) x87Conditions() uint64 {
	w := uint64(m.in.Flags().Write) >> 24
	return w&7<<8 | w>>3&1<<14
}

// outOfRange is the exponent of the numbers that trigonometric instructions refuse: 2^63 and more.
const outOfRange = 16383 + 63

// x87Arith: any undefined bit makes the result undefined, as for all floating point.
func (m *Machine) x87Arith() bool {
	in, f := m.in, &m.File
	if in.Op == 0xd9 && !in.HasMem && in.ModRM>>3&7 == 4 { // fchs, fabs
		n := m.stNum(0)
		v := f.ST[n]
		if in.ModRM&7 == 1 {
			v[1] &= 0x7fff
		}
		m.setST(n, v)
		m.setFPSW(swC1, 0)
		return true
	}
	bad := false
	for i := range m.ops {
		o := &m.ops[i]
		if o.Acc&amd64.AccR == 0 {
			continue
		}
		switch {
		case o.Kind == amd64.OpMem:
			a := m.access(i)
			at := m.address(a)
			bad = bad || m.loadBits(at, min(int(a.Size), 8)) != 0 || a.Size > 8 && m.loadBits(at+8, int(a.Size)-8) != 0
		case o.Kind == amd64.OpReg && o.Class == amd64.CST:
			bad = bad || f.ST[m.stNum(o.Num)] != [2]uint64{}
		}
	}
	var v [2]uint64
	if bad {
		v = all80
	}
	base := uint8(0)
	if m.pushes() {
		base = 7
		trig := !in.HasMem && in.Op == 0xd9 && (in.ModRM == 0xf2 || in.ModRM == 0xfb) // fptan, fsincos
		if exp := m.stValue(m.stNum(0))[1] & 0x7fff; trig && !bad && exp >= outOfRange && exp != 0x7fff {
			m.setFPSW(swC2, 0)
			return true
		}
	}
	for i := range m.ops {
		o := &m.ops[i]
		if o.Acc&amd64.AccW == 0 {
			continue
		}
		switch {
		case o.Kind == amd64.OpMem:
			at, n := m.address(m.access(i)), int(o.Width)
			m.storeBits(at, v[0], min(n, 8))
			if n > 8 {
				m.storeBits(at+8, v[0], n-8)
			}
		case o.Kind == amd64.OpReg && o.Class == amd64.CST:
			m.setST(m.stNum(base+o.Num), v)
		}
	}
	which := m.x87Conditions()
	if which&swC0 != 0 && !bad && !(m.ordinary(0, true) && m.ordinary(1, false)) { // an invalid operation of fprem leaves them alone
		bad = f.FPSW&which != 0
	}
	m.setFPSW(which, boolMask(bad))
	return true
}

// ordinary reports whether st(i) holds a number that is neither denormal nor infinite nor in a format that is not supported, nor zero
// if that is not allowed.
func (m *Machine) ordinary(i uint8, zero bool) bool {
	n := m.stNum(i)
	v := m.stValue(n)
	exp := v[1] & 0x7fff
	if m.v.FPTW()>>n&1 == 0 {
		return false
	}
	return v[0]>>63 != 0 && exp != 0 && exp != 0x7fff || zero && v[0] == 0 && exp == 0
}

// x87Cmp compares, for the status word or the flags.
func (m *Machine) x87Cmp() bool {
	f := &m.File
	if m.in.Op == 0xd9 && m.in.ModRM == 0xe5 { // fxam: the sign is C1
		v := f.ST[m.stNum(0)]
		m.setFPSW(swC0|swC2|swC3, boolMask(v[0] != 0 || v[1]&0x7fff != 0))
		m.setFPSW(swC1, v[1]>>15<<9)
		return true
	}
	bad := false
	for i := range m.ops {
		o := &m.ops[i]
		switch {
		case o.Kind == amd64.OpMem:
			a := m.access(i)
			bad = bad || m.loadBits(m.address(a), int(a.Size)) != 0
		case o.Kind == amd64.OpReg && o.Class == amd64.CST:
			bad = bad || f.ST[m.stNum(o.Num)] != [2]uint64{}
		}
	}
	if w := uint64(m.plan.effects.FlagsWritten); w != 0 {
		m.setFlags(w, boolMask(bad)&(flagC|flagP|flagZ))
		return true // C1 stays
	}
	m.setFPSW(m.x87Conditions(), boolMask(bad))
	return true
}

// x87Cw stores and loads control and status word.
func (m *Machine) x87Cw() bool {
	in := m.in
	switch {
	case in.Op == 0xdf: // fnstsw %ax
		m.set(0, m.File.FPSW)
	case in.Op == 0xdd:
		m.set(0, m.File.FPSW)
	case in.Op == 0xd9 && in.ModRM>>3&7 == 7: // fnstcw
		m.set(0, 0)
	}
	return true
}
