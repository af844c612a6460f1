package vbits

import (
	"math/bits"

	"gogrind/internal/isa/amd64"
)

// vHoriz: operations over groups of neighbouring elements.
func (m *Machine) vHoriz() bool {
	in := m.in
	if in.Space == amd64.SpXOP {
		return false
	}
	op := m.opcode()
	if !m.vecOperands(op == 0x1f4 || op == 0x228 || in.Map == 2 && in.Op >= 0x50) {
		return m.clean()
	}
	m.values()
	m.res = vec{}
	switch op {
	case 0x17c, 0x17d: // haddps, haddpd, hsubps, hsubpd
		m.pairs(m.elem(), func(_ uint, x, y, vx, vy uint64) uint64 { return pcast(vx | vy) })
	case 0x1d0: // addsubps, addsubpd
		for j := range m.res {
			m.res[j] = widen(m.sv[0][j]|m.sv[1][j], m.elem())
		}
	case 0x201, 0x202: // phaddw, phaddd
		m.pairs(m.elem(), laneAdd)
	case 0x203: // phaddsw
		m.pairs(2, laneAddS)
	case 0x205, 0x206: // phsubw, phsubd
		m.pairs(m.elem(), laneSub)
	case 0x207: // phsubsw
		m.pairs(2, laneSubS)
	case 0x1f4, 0x228: // pmuludq, pmuldq
		for j := range m.res {
			x, y, vx, vy := m.sx[0][j]&0xffffffff, m.sx[1][j]&0xffffffff, m.sv[0][j]&0xffffffff, m.sv[1][j]&0xffffffff
			lo, hi, _ := multiplyV(32, val{x, vx}, val{y, vy}, op == 0x228, m.sameSource())
			m.res[j] = lo | hi<<32
		}
	case 0x1f5: // pmaddwd
		m.dot(2, 4, -1, false)
	case 0x204: // pmaddubsw
		m.dot(1, 2, -1, true)
	case 0x1f6: // psadbw
		for j := range m.res {
			m.res[j] = m.sad(8*j, &m.sv[1], &m.sx[1], 8*j, 8)
		}
	case 0x241: // phminposuw
		if m.sv[0][0]|m.sv[0][1] != 0 {
			m.res[0] = 1<<19 - 1
		}
	case 0x340, 0x341:
		m.dpp()
	case 0x342:
		m.mpsad()
	case 0x250, 0x252: // vpdpbusd, vpdpwssd
		if in.PP == 4 && in.Space == amd64.SpEVEX { // vdpbf16ps
			for j := range m.res {
				m.res[j] = widen(m.sv[0][j]|m.sv[1][j]|m.sv[2][j], 4)
			}
			break
		}
		m.dot([...]int{1, 2}[in.Op>>1&1], 4, 0, false)
	case 0x251:
		m.dot(1, 4, 0, true)
	case 0x253:
		m.dot(2, 4, 0, true)
	case 0x2d2:
		m.dot(2, 4, 0, false)
	case 0x2d3:
		m.dot(2, 4, 0, true)
	case 0x2b4, 0x2b5: // vpmadd52: 52 bits of the factors
		const w = 1<<52 - 1
		for j := range m.res {
			x, y, vx, vy := m.sx[1][j]&w, m.sx[2][j]&w, m.sv[1][j]&w, m.sv[2][j]&w
			m.res[j] = pcast(m.sv[0][j])
			if vx|vy != 0 && x|vx != 0 && y|vy != 0 {
				m.res[j] = ^uint64(0)
			}
		}
	default:
		return false
	}
	return m.setResult()
}

// pairs applies op to pairs of neighbouring elements: each part of the result has those of the first source's part,
// then those of the second's.
func (m *Machine) pairs(es int, op laneFn) {
	n := m.part() / es
	for i := range 64 / es {
		s, k := i%n*2/n, i/n*n+i%n*2%n
		x, y, vx, vy := get(&m.sx[s], es, k), get(&m.sx[s], es, k+1), get(&m.sv[s], es, k), get(&m.sv[s], es, k+1)
		if vx|vy != 0 {
			put(&m.res, es, i, op(uint(es)*8, x, y, vx, vy))
		}
	}
}

// dot: each element of to bytes is the sum of the products of the elements of from bytes in it, added to an element of
// source acc if that is not -1. The lowest undefined bit of a term makes all bits from there on undefined, or, if the
// sum saturates or rounds, all bits.
func (m *Machine) dot(from, to, acc int, rounds bool) {
	a := acc + 1
	for i := range 64 / to {
		first := 64
		if acc >= 0 {
			first = bits.TrailingZeros64(get(&m.sv[acc], to, i))
		}
		for k := i * to / from; k < (i+1)*to/from; k++ {
			x, y, vx, vy := get(&m.sx[a], from, k), get(&m.sx[a+1], from, k), get(&m.sv[a], from, k), get(&m.sv[a+1], from, k)
			if vx|vy != 0 {
				first = min(first, bits.TrailingZeros64(laneMul(64, x, y, vx, vy)))
			}
		}
		switch {
		case first >= 64:
			continue
		case rounds:
			first = 0
		}
		put(&m.res, to, i, ^uint64(0)<<first)
	}
}

// sad gives the V bits of the sum of n absolute differences, of bytes from i of the first source and from k of another.
func (m *Machine) sad(i int, bv, bx *vec, k, n int) uint64 {
	var lo, hi, v uint64
	for range n {
		x, y, vx, vy := get(&m.sx[0], 1, i), get(bx, 1, k), get(&m.sv[0], 1, i), get(bv, 1, k)
		lx, hx, ly, hy := x&^vx, x|vx, y&^vy, y|vy
		switch {
		case lx >= hy:
			lo += lx - hy
		case ly >= hx:
			lo += ly - hx
		}
		hi += uint64(max(int(hx)-int(ly), int(hy)-int(lx)))
		v |= vx | vy
		i, k = i+1, k+1
	}
	if v == 0 {
		return 0
	}
	return varies(lo, hi)
}

// dpp: dpps, dppd. The immediate selects the products of a part and the elements of the result that get the sum.
func (m *Machine) dpp() {
	es, imm := m.elem(), int(m.in.Imm)
	n := 16 / es
	for base := 0; base < 64/es; base += n {
		var v uint64
		for i := range n {
			if imm>>(4+i)&1 != 0 {
				v |= get(&m.sv[0], es, base+i) | get(&m.sv[1], es, base+i)
			}
		}
		for i := range n {
			if imm>>i&1 != 0 {
				put(&m.res, es, base+i, pcast(v))
			}
		}
	}
}

// mpsad: mpsadbw and vdbpsadbw, sums of four absolute differences.
func (m *Machine) mpsad() {
	imm := int(uint8(m.in.Imm))
	if m.in.Space == amd64.SpEVEX {
		// The second source's dwords are shuffled first.
		var bv, bx vec
		for i := range 16 {
			j := i&^3 | imm>>(2*(i&3))&3
			put(&bv, 4, i, get(&m.sv[1], 4, j))
			put(&bx, 4, i, get(&m.sx[1], 4, j))
		}
		for i := range 32 {
			q := i / 4 * 8 // first byte of the quadword
			put(&m.res, 2, i, m.sad(q+i&2*2, &bv, &bx, q+i&3, 4))
		}
		return
	}
	for base := 0; base < 32; base += 16 {
		a, b := base+imm>>2&1*4, base+imm&3*4
		for i := range 8 {
			put(&m.res, 2, base/2+i, m.sad(a+i, &m.sv[1], &m.sx[1], b, 4))
		}
		imm >>= 3
	}
}

// vCrypto: block ciphers and hashes mix all of a 16-byte part; multiplications and transforms of Galois fields and
// comparisons of elements are finer.
func (m *Machine) vCrypto() bool {
	in := m.in
	op := m.opcode()
	switch op {
	case 0x2c8, 0x2c9, 0x2ca, 0x2cb, 0x2cc, 0x2cd, 0x3cc: // sha1, sha256
		if in.Space != amd64.SpLegacy {
			return false
		}
	case 0x2db, 0x2dc, 0x2dd, 0x2de, 0x2df, 0x3df: // aes
		if in.PP != 1 {
			return false
		}
	case 0x268:
		return m.intersect()
	case 0x2cf, 0x344, 0x3ce, 0x3cf, 0x2c4:
	default:
		return false
	}
	if !m.vecOperands(op == 0x2cf) {
		return m.clean()
	}
	m.values()
	m.res = vec{}
	switch op {
	case 0x2cf: // gf2p8mulb
		m.lanes(laneNotZero)
	case 0x344:
		m.clmul()
	case 0x3ce, 0x3cf:
		m.affine(op == 0x3cf)
	case 0x2c4:
		m.conflict()
	default:
		for j := 0; j < 8; j += 2 {
			v := m.sv[0][j] | m.sv[0][j+1]
			for s := 1; s < m.nsrc; s++ {
				v |= m.sv[s][j] | m.sv[s][j+1]
			}
			m.res[j], m.res[j+1] = pcast(v), pcast(v)
		}
	}
	return m.setResult()
}

// clmul: a carry-less product of two quadwords of a part. The bits from the lowest to the highest that the undefined
// bits reach are undefined.
func (m *Machine) clmul() {
	imm := int(m.in.Imm)
	for j := 0; j < 8; j += 2 {
		i, k := j+imm&1, j+imm>>4&1
		x, y, vx, vy := m.sx[0][i], m.sx[1][k], m.sv[0][i], m.sv[1][k]
		first := min(bits.TrailingZeros64(vx)+bits.TrailingZeros64(y|vy), bits.TrailingZeros64(vy)+bits.TrailingZeros64(x|vx))
		end := bits.Len64(x|vx) + bits.Len64(y|vy) - 1
		if vx|vy == 0 || first >= end {
			continue
		}
		m.res[j] = lowOnes(min(end, 64)) &^ lowOnes(min(first, 64))
		m.res[j+1] = lowOnes(max(end-64, 0)) &^ lowOnes(max(first-64, 0))
	}
}

// affine: gf2p8affineqb multiplies a byte by the bit matrix in the quadword of the second source, whose byte 7-j makes
// bit j. The inverse form first takes the inverse of the byte, of which only that of 0 is known to be 0 here.
func (m *Machine) affine(inverse bool) {
	for i := range 64 {
		x, vx := get(&m.sx[0], 1, i), get(&m.sv[0], 1, i)
		if inverse {
			if x|vx != 0 {
				x = 0xff
			}
			vx = pcast(vx) & 0xff
		}
		var r uint64
		for j := range 8 {
			row, vrow := get(&m.sx[1], 1, i&^7+7-j), get(&m.sv[1], 1, i&^7+7-j)
			if vrow&(x|vx)|vx&(row|vrow) != 0 {
				r |= 1 << j
			}
		}
		put(&m.res, 1, i, r)
	}
}

// conflict: vpconflict, bit j of element i says that it equals element j before it.
func (m *Machine) conflict() {
	es := m.elem()
	for i := range m.vl() / es {
		var r uint64
		x, vx := get(&m.sx[0], es, i), get(&m.sv[0], es, i)
		for j := range i {
			if compare(0, 0, x, get(&m.sx[0], es, j), vx, get(&m.sv[0], es, j), 0) == maybe {
				r |= 1 << j
			}
		}
		put(&m.res, es, i, r)
	}
}

// intersect: vp2intersect, for the elements of both sources whether the other has an equal one.
func (m *Machine) intersect() bool {
	var r [2]uint64
	if m.vecOperands(false) {
		m.values()
		es := m.elem()
		n := m.vl() / es
		for s := range 2 {
			for i := range n {
				found := no
				for j := range n {
					t := compare(0, 0, get(&m.sx[s], es, i), get(&m.sx[1-s], es, j), get(&m.sv[s], es, i), get(&m.sv[1-s], es, j), 0)
					if t == yes {
						found = yes
						break
					}
					found = max(found, t)
				}
				if found == maybe {
					r[s] |= 1 << i
				}
			}
		}
	}
	m.setMask(m.ops[0].Num, r[0])
	m.setMask(m.ops[0].Num|1, r[1])
	return true
}

// vPcmpstr: string comparisons. What lies behind the end of a string does not matter; any other undefined bit makes the
// result undefined.
func (m *Machine) vPcmpstr() bool {
	in := m.in
	m.vecOperands(false)
	m.values()
	es := 1 + int(in.Imm&1)
	explicit := in.Op < 0x62
	var bad bool
	var ends [2]tri // whether the string is shorter than a register
	for s := range 2 {
		n := 16 / es
		if explicit {
			r := [...]uint8{0, 2}[s] // eax, edx
			w := uint(32) << in.W
			v, x := m.File.GPR[r]&lowOnes(int(w)), sext(w, m.regs.GPR[r])
			if v != 0 {
				bad, ends[s] = true, maybe
				continue
			}
			if x < 0 {
				x = -x
			}
			if uint64(x) < uint64(n) {
				n, ends[s] = int(x), yes
			}
		}
		for i := range n {
			x, v := get(&m.sx[s], es, i), get(&m.sv[s], es, i)
			bad = bad || v != 0
			if !explicit && x&^v == 0 {
				if v == 0 {
					ends[s] = yes
					break
				}
				ends[s] = maybe
			}
		}
	}
	var flags uint64
	if bad {
		flags = flagC | flagO
	}
	if ends[0] == maybe {
		flags |= flagS
	}
	if ends[1] == maybe {
		flags |= flagZ
	}
	m.setFlags(flagsArith, flags)
	o := &m.ops[len(m.ops)-1]
	if o.Class == amd64.CGPR {
		m.setGPR(o.Num, int(o.Width), boolMask(bad)&0x1f)
		return true
	}
	r := m.File.Vec[o.Num]
	if !m.legacy() {
		r = vec{}
	}
	r[0], r[1] = boolMask(bad), boolMask(bad)
	m.setVec(o.Num, &r)
	return true
}
