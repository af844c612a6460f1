package vbits

import (
	"gogrind/internal/isa/amd64"
)

// clean makes the result defined.
func (m *Machine) clean() bool {
	m.res = vec{}
	return m.setResult()
}

// bitwise computes the V bits of a bitwise operation on two sources, quadword by quadword; value is the operation itself.
func (m *Machine) bitwise(dirty bool, undef func(xa, xb, va, vb uint64) uint64, value func(xa, xb uint64) uint64) bool {
	if !dirty && m.kv == 0 {
		return m.clean()
	}
	m.values()
	m.hasX = m.kv != 0
	for j := range m.res {
		xa, xb := m.sx[0][j], m.sx[1][j]
		m.res[j] = 0
		if va, vb := m.sv[0][j], m.sv[1][j]; dirty && va|vb != 0 {
			m.res[j] = undef(xa, xb, va, vb)
		}
		if m.hasX {
			m.resX[j] = value(xa, xb)
		}
	}
	return m.setResult()
}

// vAnd: and, and-not. A defined 0 decides.
func (m *Machine) vAnd() bool {
	dirty := m.vecOperands(true)
	if op := m.in.Op; op == 0x55 || op == 0xdf {
		return m.bitwise(dirty && !m.sameSource(), func(xa, xb, va, vb uint64) uint64 { return va&vb | va&xb | vb&^xa },
			func(xa, xb uint64) uint64 { return xb &^ xa })
	}
	return m.bitwise(dirty, func(xa, xb, va, vb uint64) uint64 { return va&vb | va&xb | vb&xa },
		func(xa, xb uint64) uint64 { return xa & xb })
}

// vOr: a defined 1 decides.
func (m *Machine) vOr() bool {
	return m.bitwise(m.vecOperands(true), func(xa, xb, va, vb uint64) uint64 { return va&vb | va&^xb | vb&^xa },
		func(xa, xb uint64) uint64 { return xa | xb })
}

func (m *Machine) vXor() bool {
	dirty := m.vecOperands(true) && !m.sameSource()
	return m.bitwise(dirty, func(_, _, va, vb uint64) uint64 { return va | vb }, func(xa, xb uint64) uint64 { return xa ^ xb })
}

// vTernlog: a bit is undefined if the truth table, at the places that the undefined inputs can choose, has both a 0
// and a 1.
func (m *Machine) vTernlog() bool {
	if !m.vecOperands(true) && m.kv == 0 {
		return m.clean()
	}
	m.values()
	m.hasX, m.resX = m.kv != 0, vec{}
	ab, ac, bc := m.same(0, 1), m.same(0, 2), m.same(1, 2)
	var can [2]vec
	for t := range 8 {
		if a, b, c := t>>2, t>>1&1, t&1; ab && a != b || ac && a != c || bc && b != c {
			continue
		}
		to := &can[m.in.Imm>>t&1]
		for j := range to {
			at := ^uint64(0)
			for s := range 3 {
				// The source can have the value that the place wants.
				at &= m.sv[s][j] | ^(m.sx[s][j] ^ -uint64(t>>(2-s)&1))
			}
			to[j] |= at
			if m.hasX && m.in.Imm>>t&1 != 0 {
				m.resX[j] |= ^(m.sx[0][j] ^ -uint64(t>>2&1)) & ^(m.sx[1][j] ^ -uint64(t>>1&1)) & ^(m.sx[2][j] ^ -uint64(t&1))
			}
		}
	}
	for j := range m.res {
		m.res[j] = can[0][j] & can[1][j]
	}
	return m.setResult()
}

// someOne tells whether a value with V bits v can have a bit that is 1 and whether it surely has one.
func someOne(x, v uint64) (can, sure bool) { return x|v != 0, x&^v != 0 }

// vTest: ptest, vtestps, vtestpd. ZF says that the and has no 1, CF that the and-not has none: a defined 1 decides.
func (m *Machine) vTest() bool {
	if !m.vecOperands(false) {
		m.setFlags(flagsArith, 0)
		return true
	}
	m.values()
	which := ^uint64(0)
	switch m.in.Op {
	case 0x0e:
		which = 0x8000000080000000
	case 0x0f:
		which = 1 << 63
	}
	same := m.sameSource()
	var and, andn [2]bool // can, sure
	for j := range m.sv[0] {
		va, vb, xa, xb := m.sv[0][j], m.sv[1][j], m.sx[0][j], m.sx[1][j]
		can, sure := someOne(xa&xb&which, (va&vb|va&xb|vb&xa)&which)
		and[0], and[1] = and[0] || can, and[1] || sure
		if !same {
			can, sure = someOne(xb&^xa&which, (va&vb|va&xb|vb&^xa)&which)
			andn[0], andn[1] = andn[0] || can, andn[1] || sure
		}
	}
	var v uint64
	if and[0] && !and[1] {
		v |= flagZ
	}
	if andn[0] && !andn[1] {
		v |= flagC
	}
	m.setFlags(flagsArith, v)
	return true
}

// tri is what is known of a truth value.
type tri uint8

const (
	no tri = iota
	yes
	maybe
)

// setK gives the destination mask register the V bits of results of n elements: undef are the unknown ones, val the
// values of the others. The write mask clears elements.
func (m *Machine) setK(undef, val uint64, n int) bool {
	w := ^uint64(0)
	if n < 64 {
		w = 1<<n - 1
	}
	m.setMask(m.ops[0].Num, (undef&(m.kx|m.kv)|m.kv&val)&w)
	return true
}

// vKtest: per element, whether the and has a 1 (vptestm) or none (vptestnm).
func (m *Machine) vKtest() bool {
	es, n := m.elem(), m.vl()/m.elem()
	if !m.vecOperands(true) && m.kv == 0 {
		return m.setK(0, 0, n)
	}
	m.values()
	not := m.in.PP == 4
	var undef, val uint64
	for j := range m.vl() / 8 {
		va, vb, xa, xb := m.sv[0][j], m.sv[1][j], m.sx[0][j], m.sx[1][j]
		v := va&vb | va&xb | vb&xa
		can, sure := widen(xa&xb|v, es), widen(xa&xb&^v, es)
		undef |= signs(can&^sure, es) << (j * 8 / es)
		if not {
			can = ^can
		}
		val |= signs(can, es) << (j * 8 / es)
	}
	return m.setK(undef, val&^undef, n)
}

// compare is what is known of the comparison p, the predicate of vpcmp (0 ==, 1 <, 2 <=, 3 false, 4-7 their
// negations), of two elements of w bits. flip is the sign bit for signed ones.
func compare(p int, w uint, x, y, vx, vy, flip uint64) tri {
	known := func(b bool) tri {
		if b == (p < 4) {
			return yes
		}
		return no
	}
	if p&3 == 0 {
		switch {
		case (x^y)&^(vx|vy) != 0:
			return known(false)
		case vx|vy != 0:
			return maybe
		}
		return known(true)
	}
	x, y = x^flip, y^flip
	lx, hx, ly, hy := x&^vx, x|vx, y&^vy, y|vy
	switch p & 3 {
	case 1:
		if hx < ly {
			return known(true)
		} else if lx >= hy {
			return known(false)
		}
	case 2:
		if hx <= ly {
			return known(true)
		} else if lx > hy {
			return known(false)
		}
	case 3:
		return known(false)
	}
	return maybe
}

// vCmp: pcmpeq, pcmpgt and vpcmp, to elements of ones and zeros or to a mask. For equality, a defined bit that differs
// decides; for order, the ranges that the values can have.
func (m *Machine) vCmp() bool {
	es, n := m.elem(), m.vl()/m.elem()
	toK := m.ops[0].Class == amd64.CK
	dirty := m.vecOperands(true)
	same := m.sameSource()
	if !toK && (!dirty || same) {
		return m.clean()
	}
	if toK && (!dirty || same) && m.kv == 0 {
		return m.setK(0, 0, n)
	}
	if m.ops[0].Class == amd64.CMMX {
		n = 8 / es
	}
	m.values()
	w := uint(es) * 8
	p, flip := 0, uint64(0) // pcmpeq
	switch m.opcode() {
	case 0x164, 0x165, 0x166, 0x237: // pcmpgt: not <=
		p, flip = 6, 1<<(w-1)
	case 0x33e, 0x31e:
		p = int(m.in.Imm & 7)
	case 0x33f, 0x31f:
		p, flip = int(m.in.Imm&7), 1<<(w-1)
	}
	if !toK {
		m.cmpLanes(p, w, flip)
		return m.setResult()
	}
	var undef, val uint64
	if p&3 == 0 && m.kv == 0 {
		for j := range m.vl() / 8 {
			undef |= signs(m.equality(j, es), es) << (j * 8 / es)
		}
		return m.setK(undef, 0, n)
	}
	for i := range n {
		x, y, vx, vy := get(&m.sx[0], es, i), get(&m.sx[1], es, i), get(&m.sv[0], es, i), get(&m.sv[1], es, i)
		if same {
			vx, vy = 0, 0
		}
		switch compare(p, w, x, y, vx, vy, flip) {
		case maybe:
			undef |= 1 << i
		case yes:
			val |= 1 << i
		}
	}
	return m.setK(undef, val, n)
}

// equality has all ones in the elements of quadword j for which it is not known whether the sources are equal.
func (m *Machine) equality(j, es int) uint64 {
	v := m.sv[0][j] | m.sv[1][j]
	if v == 0 {
		return 0
	}
	return widen(v, es) &^ widen((m.sx[0][j]^m.sx[1][j])&^v, es)
}

// cmpLanes sets the result's elements to all ones where comparison p is not known.
func (m *Machine) cmpLanes(p int, w uint, flip uint64) {
	for j := range m.res {
		m.res[j] = 0
		va, vb := m.sv[0][j], m.sv[1][j]
		if va|vb == 0 {
			continue
		}
		if p == 0 {
			m.res[j] = m.equality(j, int(w)/8)
			continue
		}
		one := ones(int(w) / 8)
		for s := uint(0); s < 64; s += w {
			vx, vy := va>>s&one, vb>>s&one
			if vx|vy != 0 && compare(p, w, m.sx[0][j]>>s&one, m.sx[1][j]>>s&one, vx, vy, flip) == maybe {
				m.res[j] |= one << s
			}
		}
	}
}

// vFpcmp: floating-point comparisons and classifications. An undefined bit makes the element's result undefined.
func (m *Machine) vFpcmp() bool {
	dirty := m.vecOperands(true)
	in := m.in
	op := m.opcode()
	class := op == 0x366 || op == 0x367
	// Four predicates are constants: false and true, signalling or not.
	p := in.Imm & 31
	if in.Space == amd64.SpLegacy {
		p &= 7
	}
	constant := !class && (p == 0xb || p == 0xf || p == 0x1b || p == 0x1f) && in.Space != amd64.SpLegacy ||
		class && in.Imm&0xff == 0
	if constant {
		dirty = false
	}
	es := m.elem()
	scalar := in.Row.Attr&amd64.AScalar != 0
	if m.ops[0].Class == amd64.CK {
		n := m.vl() / es
		if scalar {
			n = 1
		}
		var undef uint64
		if dirty {
			for i := range n {
				v := get(&m.sv[0], es, i)
				if m.nsrc > 1 {
					v |= get(&m.sv[1], es, i)
				}
				if v != 0 {
					undef |= 1 << i
				}
			}
		}
		// The values of known comparisons are not computed: under an undefined mask bit they count as 1.
		return m.setK(undef, ^uint64(0), n)
	}
	if !dirty && !scalar {
		return m.clean()
	}
	n := 64 / es
	m.res = vec{}
	if scalar {
		m.res, n = m.sv[0], 1
	}
	for i := range n {
		v := get(&m.sv[0], es, i) | get(&m.sv[1], es, i)
		if constant {
			v = 0
		}
		put(&m.res, es, i, boolMask(v != 0))
	}
	return m.setResult()
}

// vFcomi: floating-point comparison to flags.
func (m *Machine) vFcomi() bool {
	var v uint64
	if m.vecOperands(false) {
		v = flagC | flagP | flagZ
	}
	m.setFlags(flagsArith, v)
	return true
}

// maskBits is the number of bits that a mask instruction works on.
func (m *Machine) maskBits() int {
	in := m.in
	switch in.Op {
	case 0x92, 0x93: // to and from general registers
		switch {
		case in.PP == 2:
			return 32 << in.W
		case in.PP == 1:
			return 8
		}
		return 16
	case 0x30, 0x32:
		return 8 << in.W
	case 0x31, 0x33:
		return 32 << in.W
	case 0x4b: // to two times this
		return [...]int{16, 8, 32}[int(in.PP)+2*int(in.W)]
	}
	n := 16
	if in.PP == 1 {
		n = 8
	}
	if in.W == 1 {
		n = 64
		if in.PP == 1 {
			n = 32
		}
	}
	return n
}

// lowOnes is the value of n ones.
func lowOnes(n int) uint64 {
	if n >= 64 {
		return ^uint64(0)
	}
	return 1<<n - 1
}

func (m *Machine) kCopy() bool {
	v := m.vbits(1) & lowOnes(m.maskBits())
	if o := &m.ops[0]; o.Kind == amd64.OpReg && o.Class == amd64.CGPR {
		m.setGPR(o.Num, max(int(o.Width), 4), v)
		return true
	}
	m.set(0, v)
	return true
}

// kOps are V bits and values of the source masks and the bits that count.
func (m *Machine) kOps(i, j int) (va, vb, xa, xb, w uint64) {
	w = lowOnes(m.maskBits())
	va, xa = m.vbits(i)&w, m.value(i)&w
	vb, xb = m.vbits(j)&w, m.value(j)&w
	return va, vb, xa, xb, w
}

func (m *Machine) kBit() bool {
	if m.in.Op == 0x44 { // knot
		m.set(0, m.vbits(1)&lowOnes(m.maskBits()))
		return true
	}
	va, vb, xa, xb, _ := m.kOps(1, 2)
	var v uint64
	switch m.in.Op {
	case 0x41:
		v = va&vb | va&xb | vb&xa
	case 0x42: // kandn
		v = va&vb | va&xb | vb&^xa
		if m.ops[1].Num == m.ops[2].Num {
			v = 0
		}
	case 0x45:
		v = va&vb | va&^xb | vb&^xa
	default: // kxor, kxnor
		if m.ops[1].Num != m.ops[2].Num {
			v = va | vb
		}
	}
	m.set(0, v)
	return true
}

func (m *Machine) kAdd() bool {
	va, vb, xa, xb, w := m.kOps(1, 2)
	v := undefAdd(xa, xb, va, vb)
	if m.ops[1].Num == m.ops[2].Num {
		v = va << 1
	}
	m.set(0, v&w)
	return true
}

func (m *Machine) kShift() bool {
	n := m.maskBits()
	w := lowOnes(n)
	if m.in.Op == 0x4b { // kunpck
		m.set(0, (m.vbits(1)&w)<<n|m.vbits(2)&w)
		return true
	}
	v := m.vbits(1) & w
	c := uint(uint8(m.in.Imm))
	if m.in.Op >= 0x32 {
		v = v << c & w
	} else {
		v >>= c
	}
	m.set(0, v)
	return true
}

// kTest: kortest (ZF no 1, CF all ones in the or) and ktest (as ptest).
func (m *Machine) kTest() bool {
	va, vb, xa, xb, w := m.kOps(0, 1)
	var v uint64
	flag := func(f uint64, can, sure bool) {
		if can && !sure {
			v |= f
		}
	}
	if m.in.Op == 0x98 {
		vor := va&vb | va&^xb | vb&^xa
		can, sure := someOne(xa|xb, vor)
		flag(flagZ, can, sure)
		can, sure = someOne(^(xa|xb)&w, vor)
		flag(flagC, can, sure)
	} else {
		can, sure := someOne(xa&xb, va&vb|va&xb|vb&xa)
		flag(flagZ, can, sure)
		if m.ops[0].Num != m.ops[1].Num {
			can, sure = someOne(xb&^xa, va&vb|va&xb|vb&^xa)
			flag(flagC, can, sure)
		}
	}
	m.setFlags(flagsArith, v)
	return true
}

// kMask: masks to elements and back.
func (m *Machine) kMask() bool {
	es, n := m.elem(), m.vl()/m.elem()
	m.kx, m.kv, m.masked = ^uint64(0), 0, false
	switch m.in.Op {
	case 0x28, 0x38: // vpmovm2b ... vpmovm2q
		v := m.File.Mask[m.ops[1].Num&7]
		for j := range m.res {
			m.res[j] = expand(v, es, j)
		}
	case 0x29, 0x39: // vpmovb2m ... vpmovq2m
		v := &m.File.Vec[m.ops[1].Num&31]
		var r uint64
		for i := range n {
			r |= get(v, es, i) >> (es*8 - 1) << i
		}
		return m.setK(r, 0, n)
	default: // vpbroadcastmb2q, vpbroadcastmw2d
		v := m.File.Mask[m.ops[1].Num&7] & lowOnes([...]int{4: 16, 8: 8}[es])
		for i := range n {
			put(&m.res, es, i, v)
		}
	}
	return m.setResult()
}
