package vbits

import (
	"encoding/binary"
	"math/bits"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// vecRules are the rules of vector and mask instructions.
var vecRules = ruleTable{
	isa.VCopy:      (*Machine).vCopy,
	isa.VSteer:     (*Machine).vSteer,
	isa.VExt:       (*Machine).vExt,
	isa.VTrunc:     (*Machine).vTrunc,
	isa.VSatnarrow: (*Machine).vSatnarrow,
	isa.VMovmsk:    (*Machine).vMovmsk,
	isa.VPermvar:   (*Machine).vPermvar,
	isa.VBlendv:    (*Machine).vBlendv,
	isa.VShift:     (*Machine).vShift,
	isa.VShiftvar:  (*Machine).vShiftvar,
	isa.VAnd:       (*Machine).vAnd,
	isa.VOr:        (*Machine).vOr,
	isa.VXor:       (*Machine).vXor,
	isa.VTernlog:   (*Machine).vTernlog,
	isa.VTest:      (*Machine).vTest,
	isa.VKtest:     (*Machine).vKtest,
	isa.VCmpeq:     (*Machine).vCmp,
	isa.VCmpgt:     (*Machine).vCmp,
	isa.VCmpk:      (*Machine).vCmp,
	isa.VFpcmpk:    (*Machine).vFpcmp,
	isa.VFcomi:     (*Machine).vFcomi,
	isa.VLaneInt:   (*Machine).vLaneInt,
	isa.VLaneFp:    (*Machine).vLaneFp,
	isa.VCount:     (*Machine).vCount,
	isa.VCvt:       (*Machine).vCvt,
	isa.VHoriz:     (*Machine).vHoriz,
	isa.VCrypto:    (*Machine).vCrypto,
	isa.VPcmpstr:   (*Machine).vPcmpstr,
	isa.VGather:    (*Machine).vGather,
	isa.VMaskmov:   (*Machine).vMaskmov,
	isa.VCompress:  (*Machine).vCompress,
	isa.Vzero:      (*Machine).vzero,
	isa.KCopy:      (*Machine).kCopy,
	isa.KBit:       (*Machine).kBit,
	isa.KAdd:       (*Machine).kAdd,
	isa.KShift:     (*Machine).kShift,
	isa.KMask:      (*Machine).kMask,
	isa.KTest:      (*Machine).kTest,
}

// vec is the content of a vector register or operand, lowest quadword first: values or V bits. Operands that are
// narrower have zeros above.
type vec = [8]uint64

// vecStep is what the vector rules need for one instruction. It is part of the Machine so that nothing is allocated.
type vecStep struct {
	src  [3]int // operands that the operation reads, without the write mask
	nsrc int
	sv   [3]vec // their V bits
	sx   [3]vec // their values, when values has been called
	res  vec    // the result's V bits
	resX vec    // its value, if hasX: for elements under undefined mask bits
	hasX bool
	tmp  vec
	buf  [64]byte

	masked   bool   // there is a write mask
	kx, kv   uint64 // its value and V bits; all ones and zero without
	lanewise bool   // masked-off elements of memory sources are not read
}

// vecOperands finds the source operands and fetches their V bits. It reports whether any is undefined. lanewise says
// that the operation treats the elements of a memory source apart from each other.
func (m *Machine) vecOperands(lanewise bool) (dirty bool) {
	in := m.in
	m.masked = in.Space == amd64.SpEVEX && in.AAA != 0
	m.kx, m.kv = ^uint64(0), 0
	if m.masked {
		m.kx, m.kv = m.v.Mask(in.AAA), m.File.Mask[in.AAA&7]
	}
	m.lanewise = lanewise && m.masked
	m.hasX = false
	m.nsrc = 0
	for i := range m.ops {
		o := &m.ops[i]
		if o.Acc&amd64.AccR == 0 || o.Loc == amd64.LKM || o.Kind == amd64.OpImm ||
			i == 0 && o.Acc&amd64.AccMask != 0 && !in.ReadsDest() {
			continue
		}
		if m.nsrc == len(m.src) {
			break
		}
		d := &m.sv[m.nsrc]
		m.vecV(i, d)
		if d[0]|d[1]|d[2]|d[3]|d[4]|d[5]|d[6]|d[7] != 0 {
			dirty = true
		}
		m.src[m.nsrc] = i
		m.nsrc++
	}
	return dirty
}

// values fetches the values of the sources.
func (m *Machine) values() {
	for j := range m.nsrc {
		i := m.src[j]
		o := &m.ops[i]
		d := &m.sx[j]
		switch {
		case o.Kind != amd64.OpReg:
			m.vecMem(i, d, false)
		case o.Class == amd64.CVec:
			m.v.Vec(o.Num, &m.tmp)
			cut(d, &m.tmp, o)
		default:
			*d = vec{m.value(i)}
		}
	}
}

// vecV are the V bits of operand i.
func (m *Machine) vecV(i int, d *vec) {
	o := &m.ops[i]
	switch {
	case o.Kind != amd64.OpReg:
		m.vecMem(i, d, true)
	case o.Class == amd64.CVec:
		cut(d, &m.File.Vec[o.Num&31], o)
	default:
		*d = vec{m.vbits(i)}
	}
}

// cut gives d the bytes of s that operand o takes.
func cut(d, s *vec, o *amd64.Operand) {
	*d = vec{}
	if o.Hi {
		d[0] = s[1]
		return
	}
	switch o.Width {
	case 64:
		*d = *s
	case 32:
		*(*[4]uint64)(d[:4]) = *(*[4]uint64)(s[:4])
	case 16:
		d[0], d[1] = s[0], s[1]
	default:
		d[0] = s[0] & ones(int(o.Width))
	}
}

// vecMem are the V bits or the value of memory operand i. A broadcast element fills all of the vector length.
func (m *Machine) vecMem(i int, d *vec, v bool) {
	*d = vec{}
	a := m.access(i)
	if a == nil || a.Kind&isa.Load == 0 || a.Addr == amd64.AddrVSIB {
		return
	}
	n := min(int(a.Size), len(m.buf))
	at := m.address(a)
	in := m.in
	bc := in.B && in.Space == amd64.SpEVEX
	switch {
	case !m.lanewise || int(a.Elem) == 0 || bc:
		if m.lanewise && bc && (m.kx|m.kv)&(1<<(16<<in.L/n)-1) == 0 {
			return
		}
		if !v {
			m.mem.Load(m.buf[:n], at)
		} else {
			m.mem.LoadV(m.buf[:n], at)
		}
	default:
		clear(m.buf[:n])
		m.runs(m.kx|m.kv, n/int(a.Elem), func(first, count int) {
			p := m.buf[first*int(a.Elem) : (first+count)*int(a.Elem)]
			if !v {
				m.mem.Load(p, at+guest.Addr(first*int(a.Elem)))
			} else {
				m.mem.LoadV(p, at+guest.Addr(first*int(a.Elem)))
			}
		})
	}
	var any uint64
	if n >= 8 {
		for j := 0; j*8+8 <= n; j++ {
			d[j] = binary.LittleEndian.Uint64(m.buf[j*8:])
			any |= d[j]
		}
	} else {
		d[0] = le(m.buf[:n])
		any = d[0]
	}
	if v && any != 0 && m.loadedLen == 0 {
		m.loaded, m.loadedLen = at, n
	}
	if bc {
		w := d[0]
		for k := n; k < 8; k *= 2 {
			w |= w << (8 * k)
		}
		for j := 0; j < 2<<in.L; j++ {
			d[j] = w
		}
	}
}

// runs calls f for each run of ones in the lowest n bits of sel.
func (m *Machine) runs(sel uint64, n int, f func(first, count int)) {
	for i := 0; i < n; {
		if sel>>i&1 == 0 {
			i++
			continue
		}
		first := i
		for i < n && sel>>i&1 != 0 {
			i++
		}
		f(first, i-first)
	}
}

// sameSource reports whether the two sources are the same register.
func (m *Machine) sameSource() bool { return m.nsrc >= 2 && m.same(0, 1) }

func (m *Machine) same(i, j int) bool {
	a, b := &m.ops[m.src[i]], &m.ops[m.src[j]]
	return a.Kind == amd64.OpReg && b.Kind == amd64.OpReg && a.Class == b.Class && a.Num == b.Num && a.Hi == b.Hi
}

// legacy reports whether the instruction keeps what it does not write of a vector register.
func (m *Machine) legacy() bool {
	return m.in.Space == amd64.SpLegacy || m.in.Space == amd64.Sp3DNow
}

// amdOnly reports whether the instruction is of one of AMD's own encodings, which only the general rule is for.
func (m *Machine) amdOnly() bool { return m.in.Space == amd64.SpXOP || m.in.Space == amd64.Sp3DNow }

// vl is the vector length in bytes.
func (m *Machine) vl() int { return 16 << m.in.L }

// opcode is the instruction's map and opcode.
func (m *Machine) opcode() int { return int(m.in.Map)<<8 | int(m.in.Op) }

// elem is the size of the result's elements in bytes.
func (m *Machine) elem() int {
	if n := m.in.Row.Type.Bytes(); n != 0 {
		return n
	}
	return max(m.in.Elem(), 1)
}

// setResult gives the destination, operand 0, the V bits m.res, under the write mask.
func (m *Machine) setResult() bool {
	o := &m.ops[0]
	r := &m.res
	switch {
	case o.Kind != amd64.OpReg:
		m.storeTo(0)
	case o.Class == amd64.CVec:
		n := o.Num & 31
		old, d := &m.File.Vec[n], &m.vec[n]
		m.vecSet |= 1 << n
		if m.masked {
			m.merge(old)
		}
		switch {
		case m.legacy():
			*d = *old
			switch {
			case o.Hi:
				d[1] = r[0]
			case o.Width >= 8:
				for j := range int(o.Width) / 8 {
					d[j] = r[j]
				}
			default:
				w := ones(int(o.Width))
				d[0] = d[0]&^w | r[0]&w
			}
		default:
			cut(d, r, o)
		}
	case o.Class == amd64.CMMX:
		m.setST(o.Num, [2]uint64{r[0]})
	default:
		m.set(0, r[0])
	}
	return true
}

// merge puts elements of old, or zeros, into the result where the write mask is off. Where the mask is undefined, so is
// the element, but for bits that the old and the new value have in common. Of scalar operations only the lowest element is
// masked.
func (m *Machine) merge(old *vec) {
	es := m.elem()
	n := m.vl() / es
	switch m.in.Row.Sem {
	case isa.VTrunc, isa.VSatnarrow, isa.VCvt:
		if m.nsrc == 1 { // as many elements as the source has
			n = min(n, m.vl()/m.in.Elem())
		}
	}
	if m.in.Row.Attr&amd64.AScalar != 0 {
		n = 1
	}
	kx, kv := m.kx, m.kv
	if n < 64 {
		kx |= ^uint64(0) << n
		kv &= 1<<n - 1
	}
	if kx == ^uint64(0) && kv == 0 {
		return
	}
	r := &m.res
	if kv != 0 && m.hasX && !m.in.Z {
		m.v.Vec(m.ops[0].Num, &m.tmp)
	} else {
		m.tmp = vec{}
	}
	for j := range r {
		if j*8 >= n*es {
			break // kx is all ones from there on
		}
		on := expand(kx, es, j)
		var off uint64
		if !m.in.Z {
			off = old[j]
		}
		v := r[j]
		r[j] = v&on | off&^on
		if open := expand(kv, es, j); open == 0 {
			continue
		} else if m.hasX {
			r[j] |= open & oneOf(m.resX[j], m.tmp[j], v, off)
		} else {
			r[j] |= open
		}
	}
}

// valueToo computes the result's value with f, which computes V bits that move like the bits of values, if an undefined mask bit
// makes it matter.
func (m *Machine) valueToo(f func(m *Machine) bool) {
	if m.kv == 0 {
		return
	}
	m.values()
	m.sv, m.sx = m.sx, m.sv
	m.hasX = f(m)
	m.resX = m.res
	m.sv, m.sx = m.sx, m.sv
}

// expand widens mask bits to elements of es bytes: quadword j of the result.
func expand(k uint64, es, j int) uint64 {
	var r uint64
	switch es {
	case 8:
		return -(k >> j & 1)
	case 4:
		k >>= 2 * j
		return -(k&1)>>32 | -(k>>1&1)<<32
	case 2:
		k >>= 4 * j
		for i := range 4 {
			r |= -(k >> i & 1) >> 48 << (16 * i)
		}
	case 1:
		k >>= 8 * j
		for i := range 8 {
			r |= -(k >> i & 1) >> 56 << (8 * i)
		}
	default: // wider than a quadword
		return -(k >> (j * 8 / es) & 1)
	}
	return r
}

// storeTo gives the memory that operand i stores to the V bits m.res. Masked-off elements are not stored; those under an undefined
// mask bit become undefined as in a register.
func (m *Machine) storeTo(i int) {
	a := m.access(i)
	if a == nil || a.Kind&isa.Store == 0 {
		return
	}
	n := min(int(a.Size), len(m.buf))
	at := m.address(a)
	r := &m.res
	if m.masked && m.kv != 0 {
		es := int(a.Elem)
		for k := m.kv & lowOnes(n/es); k != 0; k &= k - 1 {
			e := bits.TrailingZeros64(k)
			v := ^uint64(0)
			if m.hasX {
				v = m.mayStore(at+guest.Addr(e*es), es, get(&m.resX, es, e), get(r, es, e))
			}
			put(r, es, e, v)
		}
	}
	for j := 0; j*8 < n; j++ {
		binary.LittleEndian.PutUint64(m.buf[j*8:], r[j])
	}
	if !m.masked {
		m.storeV(at, m.buf[:n])
		return
	}
	es := int(a.Elem)
	m.runs(m.kx|m.kv, n/es, func(first, count int) {
		m.storeV(at+guest.Addr(first*es), m.buf[first*es:(first+count)*es])
	})
}

// mayStore gives the V bits of n bytes at a after a store of x with V bits v that happens or not.
func (m *Machine) mayStore(a guest.Addr, n int, x, v uint64) uint64 {
	old := m.memVal(a, n)
	return oneOf(x, old.x, v, old.v)
}

// get is element i of v, of es bytes, at most 8.
func get(v *vec, es, i int) uint64 {
	bit := i * es * 8
	return v[bit>>6] >> (bit & 63) & ones(es)
}

// put sets element i of v.
func put(v *vec, es, i int, x uint64) {
	bit := i * es * 8
	w := ones(es) << (bit & 63)
	v[bit>>6] = v[bit>>6]&^w | x<<(bit&63)&w
}

// vCopy: moves.
func (m *Machine) vCopy() bool {
	m.vecOperands(true)
	m.valueToo((*Machine).copied)
	m.copied()
	return m.setResult()
}

func (m *Machine) copied() bool {
	m.res = m.sv[0]
	if m.nsrc == 2 { // the halves or the low element of two registers
		h := &m.ops[m.src[0]]
		switch {
		case h.Hi:
			m.res = vec{m.sv[1][0], m.sv[0][0]}
		case h.Width == 8:
			m.res = vec{m.sv[0][0], m.sv[1][0]}
		default:
			put(&m.res, int(m.ops[m.src[1]].Width), 0, m.sv[1][0])
		}
	}
	if r := m.in.Row; r.Type == amd64.TypeF16 && r.Attr&amd64.AScalar == 0 {
		m.res = vec{m.res[0] & 0xffff} // vmovw
	}
	return true
}

// vzero: vzeroupper and vzeroall.
func (m *Machine) vzero() bool {
	for n := range uint8(16) {
		d := vec{}
		if m.in.L == 0 {
			d[0], d[1] = m.File.Vec[n][0], m.File.Vec[n][1]
		}
		m.setVec(n, &d)
	}
	return true
}
