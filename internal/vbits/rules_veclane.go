package vbits

import (
	"math/bits"

	"gogrind/internal/isa/amd64"
)

// A laneFn gives the V bits of the result of an operation on two elements of w bits, given their values and V bits. The
// second element of an operation of one source is 0. Bits above w do not count.
type laneFn func(w uint, x, y, vx, vy uint64) uint64

// pcast: any undefined bit makes all of the result undefined.
func pcast(v uint64) uint64 { return boolMask(v != 0) }

// undefAdd is exact: the carries are those of the smallest and the largest sum.
func undefAdd(x, y, vx, vy uint64) uint64 {
	return vx | vy | (((x &^ vx) + (y &^ vy)) ^ ((x | vx) + (y | vy)))
}

// undefSub is the same for x-y.
func undefSub(x, y, vx, vy uint64) uint64 {
	return vx | vy | (((x &^ vx) - (y | vy)) ^ ((x | vx) - (y &^ vy)))
}

// varies are the bits that can differ between numbers of the range lo to hi.
func varies(lo, hi uint64) uint64 { return lowOnes(bits.Len64(lo ^ hi)) }

// sext extends the sign of a value of w bits.
func sext(w uint, x uint64) int64 { return int64(x<<(64-w)) >> (64 - w) }

// signedRange is the smallest and largest value of a signed element.
func signedRange(w uint, x, v uint64) (lo, hi int64) {
	sign := uint64(1) << (w - 1)
	return sext(w, x&^v|v&sign), sext(w, (x|v)&^(v&sign))
}

// oneOf: the result is one of two values, and it is not known which.
func oneOf(x, y, vx, vy uint64) uint64 { return vx | vy | (x ^ y) }

func laneAdd(_ uint, x, y, vx, vy uint64) uint64 { return undefAdd(x, y, vx, vy) }
func laneSub(_ uint, x, y, vx, vy uint64) uint64 { return undefSub(x, y, vx, vy) }

// saturate gives the V bits of a sum or difference whose smallest and largest value before saturation are lo and hi,
// and whose V bits without saturation are v. It saturates outside min to max.
func saturate(v uint64, lo, hi, least, most int64) uint64 {
	if lo >= least && hi <= most {
		return v & varies(uint64(lo), uint64(hi))
	}
	return varies(uint64(min(max(lo, least), most)), uint64(min(max(hi, least), most)))
}

func laneAddUS(w uint, x, y, vx, vy uint64) uint64 {
	return saturate(undefAdd(x, y, vx, vy), int64(x&^vx+y&^vy), int64((x|vx)+(y|vy)), 0, int64(lowOnes(int(w))))
}

func laneSubUS(w uint, x, y, vx, vy uint64) uint64 {
	return saturate(undefSub(x, y, vx, vy), int64(x&^vx-(y|vy)), int64((x|vx)-y&^vy), 0, int64(lowOnes(int(w))))
}

func laneAddS(w uint, x, y, vx, vy uint64) uint64 {
	lx, hx := signedRange(w, x, vx)
	ly, hy := signedRange(w, y, vy)
	most := int64(lowOnes(int(w - 1)))
	return saturate(undefAdd(x, y, vx, vy), lx+ly, hx+hy, -most-1, most)
}

func laneSubS(w uint, x, y, vx, vy uint64) uint64 {
	lx, hx := signedRange(w, x, vx)
	ly, hy := signedRange(w, y, vy)
	most := int64(lowOnes(int(w - 1)))
	return saturate(undefSub(x, y, vx, vy), lx-hy, hx-ly, -most-1, most)
}

// laneAvg: half of the sum and 1.
func laneAvg(_ uint, x, y, vx, vy uint64) uint64 {
	return (vx | vy | (((x &^ vx) + (y &^ vy) + 1) ^ ((x | vx) + (y | vy) + 1))) >> 1
}

func laneMinU(_ uint, x, y, vx, vy uint64) uint64 {
	lx, hx, ly, hy := x&^vx, x|vx, y&^vy, y|vy
	switch {
	case hx <= ly:
		return vx
	case hy <= lx:
		return vy
	}
	return oneOf(x, y, vx, vy) & varies(min(lx, ly), min(hx, hy))
}

func laneMaxU(w uint, x, y, vx, vy uint64) uint64 {
	m := lowOnes(int(w))
	return laneMinU(w, ^x&m, ^y&m, vx, vy)
}

// Signed numbers with the sign bit flipped are ordered as unsigned ones.
func laneMinS(w uint, x, y, vx, vy uint64) uint64 {
	return laneMinU(w, x^1<<(w-1), y^1<<(w-1), vx, vy)
}

func laneMaxS(w uint, x, y, vx, vy uint64) uint64 {
	return laneMaxU(w, x^1<<(w-1), y^1<<(w-1), vx, vy)
}

func laneMul(w uint, x, y, vx, vy uint64) uint64 { return mulV(w, val{x, vx}, val{y, vy}) }

// laneMulHigh and laneMulHighS: the high half of a product.
func laneMulHigh(w uint, x, y, vx, vy uint64) uint64 {
	_, hi, _ := multiplyV(w, val{x, vx}, val{y, vy}, false, false)
	return hi
}

func laneMulHighS(w uint, x, y, vx, vy uint64) uint64 {
	_, hi, _ := multiplyV(w, val{x, vx}, val{y, vy}, true, false)
	return hi
}

// laneNotZero: all that is known is that 0 makes 0.
func laneNotZero(_ uint, x, y, vx, vy uint64) uint64 {
	if x|vx == 0 || y|vy == 0 {
		return 0
	}
	return ^uint64(0)
}

// laneAbs: the sign decides between the number and its negation.
func laneAbs(w uint, x, _, vx, _ uint64) uint64 {
	neg := undefSub(0, x, 0, vx)
	switch {
	case vx>>(w-1) != 0:
		return oneOf(x, -x, vx, neg)
	case x>>(w-1) != 0:
		return neg
	}
	return vx
}

// laneSign: x, 0 or -x by the sign of y.
func laneSign(w uint, x, y, vx, vy uint64) uint64 {
	neg := undefSub(0, x, 0, vx)
	o := outcomes{all: ^uint64(0)}
	lo, hi := signedRange(w, y, vy)
	if hi > 0 {
		o.add(x, vx)
	}
	if lo < 0 {
		o.add(-x, neg)
	}
	if y&^vy == 0 {
		o.add(0, 0)
	}
	return o.undefined()
}

// laneOp is the operation of an instruction of class v.lane.int.
func laneOp(op int) laneFn {
	switch op {
	case 0x1d4, 0x1fc, 0x1fd, 0x1fe: // paddq, paddb, paddw, paddd
		return laneAdd
	case 0x1f8, 0x1f9, 0x1fa, 0x1fb: // psub
		return laneSub
	case 0x1d8, 0x1d9: // psubus
		return laneSubUS
	case 0x1dc, 0x1dd: // paddus
		return laneAddUS
	case 0x1e8, 0x1e9: // psubs
		return laneSubS
	case 0x1ec, 0x1ed: // padds
		return laneAddS
	case 0x1e0, 0x1e3: // pavg
		return laneAvg
	case 0x1da, 0x23a, 0x23b: // pminu
		return laneMinU
	case 0x1de, 0x23e, 0x23f: // pmaxu
		return laneMaxU
	case 0x1ea, 0x238, 0x239: // pmins
		return laneMinS
	case 0x1ee, 0x23c, 0x23d: // pmaxs
		return laneMaxS
	case 0x1d5, 0x240: // pmullw, pmulld, vpmullq
		return laneMul
	case 0x1e4: // pmulhuw
		return laneMulHigh
	case 0x1e5: // pmulhw
		return laneMulHighS
	case 0x20b: // pmulhrsw
		return laneNotZero
	case 0x208, 0x209, 0x20a: // psign
		return laneSign
	case 0x21c, 0x21d, 0x21e, 0x21f: // pabs
		return laneAbs
	}
	return nil
}

// laneValue computes the operations whose result under an undefined mask bit string functions look at: minimum and maximum, for
// which zeroing makes no difference where they are zero; sums and differences. It is nil for others.
func laneValue(op int) func(w uint, x, y uint64) uint64 {
	switch op {
	case 0x1d4, 0x1fc, 0x1fd, 0x1fe:
		return func(_ uint, x, y uint64) uint64 { return x + y }
	case 0x1f8, 0x1f9, 0x1fa, 0x1fb:
		return func(_ uint, x, y uint64) uint64 { return x - y }
	case 0x1da, 0x23a, 0x23b:
		return func(_ uint, x, y uint64) uint64 { return min(x, y) }
	case 0x1de, 0x23e, 0x23f:
		return func(_ uint, x, y uint64) uint64 { return max(x, y) }
	case 0x1ea, 0x238, 0x239:
		return func(w uint, x, y uint64) uint64 { return uint64(min(sext(w, x), sext(w, y))) }
	case 0x1ee, 0x23c, 0x23d:
		return func(w uint, x, y uint64) uint64 { return uint64(max(sext(w, x), sext(w, y))) }
	}
	return nil
}

func (m *Machine) vLaneInt() bool {
	op := laneOp(m.opcode())
	if op == nil || m.amdOnly() {
		return false
	}
	dirty := m.vecOperands(true)
	if !dirty && m.kv == 0 {
		return m.clean()
	}
	if value := laneValue(m.opcode()); m.kv != 0 && value != nil {
		m.values()
		m.hasX = true
		es := m.elem()
		for i := range m.size() / es {
			put(&m.resX, es, i, value(uint(es)*8, get(&m.sx[0], es, i), get(&m.sx[1], es, i)))
		}
	}
	if m.sameSource() {
		switch m.opcode() {
		case 0x1f8, 0x1f9, 0x1fa, 0x1fb, 0x1d8, 0x1d9, 0x1e8, 0x1e9: // psub, psubus, psubs
			return m.clean()
		case 0x1d4, 0x1fc, 0x1fd, 0x1fe: // padd doubles
			for j, v := range m.sv[0] {
				m.res[j] = v &^ topBits[m.elem()] << 1
			}
			return m.setResult()
		case 0x1da, 0x1de, 0x1ea, 0x1ee, 0x1e0, 0x1e3,
			0x238, 0x239, 0x23a, 0x23b, 0x23c, 0x23d, 0x23e, 0x23f: // minimum, maximum, average
			m.res = m.sv[0]
			return m.setResult()
		}
	}
	m.lanes(op)
	return m.setResult()
}

// lanes computes the result's elements.
func (m *Machine) lanes(op laneFn) {
	m.values()
	es := m.elem()
	w, one := uint(es)*8, ones(es)
	if m.nsrc == 1 {
		m.sv[1], m.sx[1] = vec{}, vec{}
	}
	for j := range m.res {
		var r uint64
		if va, vb := m.sv[0][j], m.sv[1][j]; va|vb != 0 {
			xa, xb := m.sx[0][j], m.sx[1][j]
			for s := uint(0); s < 64; s += w {
				if vx, vy := va>>s&one, vb>>s&one; vx|vy != 0 {
					r |= op(w, xa>>s&one, xb>>s&one, vx, vy) & one << s
				}
			}
		}
		m.res[j] = r
	}
}

// vCount: population counts and leading zeros.
func (m *Machine) vCount() bool {
	if !m.vecOperands(true) {
		return m.clean()
	}
	if m.in.Op == 0x44 {
		m.lanes(func(w uint, x, _, vx, _ uint64) uint64 {
			o := outcomes{all: ^uint64(0)}
			for n := uint(0); n < w; n++ {
				top := uint64(1) << (w - 1 - n)
				if (x|vx)&top != 0 {
					o.add(uint64(n), 0)
				}
				if x&^vx&top != 0 {
					return o.undefined()
				}
			}
			o.add(uint64(w), 0)
			return o.undefined()
		})
	} else {
		m.lanes(func(_ uint, x, _, vx, _ uint64) uint64 {
			return varies(uint64(bits.OnesCount64(x&^vx)), uint64(bits.OnesCount64(x|vx)))
		})
	}
	return m.setResult()
}

// unaryFp reports whether a scalar floating-point operation computes with its last source only and takes the rest of
// the result from the other.
func unaryFp(op int) bool {
	switch op {
	case 0x151, 0x152, 0x153, 0x551, // sqrt, rsqrt, rcp
		0x243, 0x24d, 0x24f, 0x643, 0x64d, 0x64f, // vgetexp, vrcp14, vrsqrt14
		0x30a, 0x30b, 0x327, 0x357: // round, vrndscale, vgetmant, vreduce
		return true
	}
	return false
}

// vLaneFp: floating point per element. An undefined bit of a source makes the element undefined.
func (m *Machine) vLaneFp() bool {
	if m.amdOnly() || m.in.Row.Elem == 0 {
		return false
	}
	if !m.vecOperands(true) {
		return m.clean()
	}
	es := m.elem()
	last := &m.sv[m.nsrc-1]
	if m.in.Row.Attr&amd64.AScalar == 0 {
		for s := range m.nsrc - 1 {
			for j := range last {
				last[j] |= m.sv[s][j]
			}
		}
		for j := range last {
			m.res[j] = widen(last[j], es)
		}
		return m.setResult()
	}
	v := last[0]
	if !unaryFp(m.opcode()) {
		v |= m.sv[0][0] | m.sv[m.nsrc/2][0]
	}
	switch {
	case m.in.Space == amd64.SpVEX && m.in.Map == 3 && m.nsrc == 3: // FMA4
		m.res = vec{}
	case m.opcode() == 0x355: // vfixupimm
		m.res = m.sv[1]
	default:
		m.res = m.sv[0]
	}
	put(&m.res, es, 0, pcast(v&ones(es)))
	return m.setResult()
}

// topBits has the highest bit of each element of so many bytes.
var topBits = [...]uint64{1: 0x8080808080808080, 2: 0x8000800080008000, 4: 0x8000000080000000, 8: 1 << 63}

// widen makes each element of es bytes all ones that is not zero.
func widen(v uint64, es int) uint64 {
	if v == 0 {
		return 0
	}
	top := topBits[es]
	t := ((v &^ top) + ^top | v) & top // the sum carries into the top bit of elements that are not zero
	return t<<1 - t>>(8*es-1)
}

// signs are the highest bits of the elements of v, as a number.
func signs(v uint64, es int) (r uint64) {
	switch es {
	case 1:
		// The multiplication collects the lowest bits of the bytes in the highest byte.
		return v >> 7 & 0x0101010101010101 * 0x0102040810204080 >> 56
	case 2:
		return v>>15&1 | v>>30&2 | v>>45&4 | v>>60&8
	case 4:
		return v>>31&1 | v>>62&2
	}
	return v >> 63
}

// vCvt: conversions. An undefined bit makes all of the result's element undefined.
func (m *Machine) vCvt() bool {
	in := m.in
	if m.amdOnly() {
		return false
	}
	if !m.vecOperands(true) {
		return m.clean()
	}
	to, from := m.elem(), in.Elem()
	last := &m.sv[m.nsrc-1]
	op := m.opcode()
	m.res = vec{}
	switch {
	case m.ops[0].Kind == amd64.OpReg && m.ops[0].Class == amd64.CGPR:
		m.res[0] = pcast(get(last, from, 0))
	case in.Row.Attr&amd64.AScalar != 0:
		if m.nsrc == 2 {
			m.res = m.sv[0]
		}
		put(&m.res, to, 0, pcast(get(last, from, 0)))
	case op == 0x272 && m.nsrc == 2: // vcvtne2ps2bf16: the second source makes the low half
		n := m.vl() / 4
		for i := range n {
			put(&m.res, 2, i, pcast(get(&m.sv[1], 4, i)))
			put(&m.res, 2, n+i, pcast(get(&m.sv[0], 4, i)))
		}
	case op == 0x2b0: // even or odd elements
		odd := 0
		if in.PP == 0 || in.PP == 2 {
			odd = 1
		}
		for i := range m.vl() / 4 {
			put(&m.res, 4, i, pcast(get(last, 2, 2*i+odd)))
		}
	default:
		for i := range 64 / max(to, from) {
			put(&m.res, to, i, pcast(get(last, from, i)))
		}
	}
	return m.setResult()
}

// vExt: sign or zero extension of elements.
func (m *Machine) vExt() bool {
	if !m.vecOperands(true) && m.kv == 0 {
		return m.clean()
	}
	m.valueToo((*Machine).extended)
	m.extended()
	return m.setResult()
}

func (m *Machine) extended() bool {
	to, from := m.elem(), m.in.Elem()
	for i := range m.size() / to {
		v := get(&m.sv[0], from, i)
		if m.in.Op < 0x30 {
			v = uint64(sext(uint(from)*8, v))
		}
		put(&m.res, to, i, v)
	}
	return true
}

// vTrunc: the low parts of elements.
func (m *Machine) vTrunc() bool {
	if !m.vecOperands(false) && m.kv == 0 {
		return m.clean()
	}
	m.valueToo((*Machine).truncated)
	m.truncated()
	return m.setResult()
}

func (m *Machine) truncated() bool {
	to, from := m.elem(), m.in.Elem()
	m.res = vec{}
	for i := range m.vl() / from {
		put(&m.res, to, i, get(&m.sv[0], from, i))
	}
	return true
}

// narrow gives what becomes of an element of w bits by saturation to fewer.
func narrow(w, to uint, x, vx uint64, fromSigned, toSigned bool) outcomes {
	low := lowOnes(int(to))
	if toSigned {
		low >>= 1
	}
	// What the value is if it is not saturated has 0 in all bits above low, or 1 in all of them, if it is signed.
	above := lowOnes(int(w)) &^ low
	sign := uint64(0)
	if fromSigned {
		sign = 1 << (w - 1)
	}
	o := outcomes{all: ^uint64(0)}
	if x&^vx&above == 0 {
		o.add(x&^vx&low, vx&low)
	}
	if toSigned && ^(x|vx)&above == 0 {
		o.add(x&^vx&low|^low, vx&low)
	}
	if x&^vx&sign == 0 && (x|vx)&(above&^sign) != 0 {
		o.add(low, 0) // the largest
	}
	if (x|vx)&sign != 0 && (!toSigned || ^(x&^vx)&(above&^sign) != 0) {
		if toSigned {
			o.add(^low, 0) // the smallest
		} else {
			o.add(0, 0)
		}
	}
	return o
}

// vSatnarrow: narrows elements with saturation: those of two sources by parts of 16 bytes, or all of one.
func (m *Machine) vSatnarrow() bool {
	in := m.in
	if !m.vecOperands(false) && m.kv == 0 {
		return m.clean()
	}
	m.values()
	m.hasX = m.kv != 0
	to, from := m.elem(), in.Elem()
	m.res = vec{}
	op := m.opcode()
	if in.PP == 4 { // vpmovus, vpmovs
		signed := in.Op >= 0x20
		for i := range m.vl() / from {
			m.narrowed(to, i, from, 0, i, signed, signed)
		}
		return m.setResult()
	}
	part := 16 / from // elements of a source's part
	if m.ops[0].Class == amd64.CMMX {
		part = 8 / from
	}
	toSigned := op == 0x163 || op == 0x16b
	for i := range m.size() / to {
		s, e := i/part&1, i/(2*part)*part+i%part
		m.narrowed(to, i, from, s, e, true, toSigned)
	}
	return m.setResult()
}

// narrowed sets result element i to element e of source s, narrowed.
func (m *Machine) narrowed(to, i, from, s, e int, fromSigned, toSigned bool) {
	w, tw, x := uint(from)*8, uint(to)*8, get(&m.sx[s], from, e)
	o := narrow(w, tw, x, get(&m.sv[s], from, e), fromSigned, toSigned)
	put(&m.res, to, i, o.undefined())
	if m.hasX {
		put(&m.resX, to, i, narrow(w, tw, x, 0, fromSigned, toSigned).some)
	}
}

// vMovmsk: sign bits.
func (m *Machine) vMovmsk() bool {
	m.vecOperands(false)
	es := 1 // pmovmskb
	if m.in.Op == 0x50 {
		es = m.elem()
	}
	var r uint64
	v := &m.sv[0]
	for j := range 4 {
		r |= signs(v[j], es) << (j * 8 / es)
	}
	o := &m.ops[0]
	m.setGPR(o.Num, max(int(o.Width), 4), r)
	return true
}

// vBlendv: selection by sign bits or by a mask register, which is the write mask here.
func (m *Machine) vBlendv() bool {
	in := m.in
	if in.Row.Attr&amd64.AKctl != 0 {
		dirty := m.vecOperands(true)
		m.masked = false
		if !dirty && m.kv == 0 {
			return m.clean()
		}
		m.values()
		es := m.elem()
		for j := range m.res {
			on, open := expand(m.kx, es, j), expand(m.kv, es, j)
			off, offV := m.sx[0][j], m.sv[0][j]
			if in.Z {
				off, offV = 0, 0
			}
			m.res[j] = m.sv[1][j]&on | offV&^on | open&oneOf(m.sx[1][j], off, m.sv[1][j], offV)
		}
		return m.setResult()
	}
	if !m.vecOperands(false) {
		return m.clean()
	}
	m.values()
	es := m.elem()
	for i := range 64 / es {
		sign := uint(es*8 - 1)
		a, b := get(&m.sv[0], es, i), get(&m.sv[1], es, i)
		switch {
		case get(&m.sv[2], es, i)>>sign != 0:
			a = oneOf(get(&m.sx[0], es, i), get(&m.sx[1], es, i), a, b)
		case get(&m.sx[2], es, i)>>sign != 0:
			a = b
		}
		put(&m.res, es, i, a)
	}
	return m.setResult()
}
