package vbits

import "gogrind/internal/isa/amd64"

// vSteer: moves of elements that the instruction itself chooses: the V bits move the same way.
func (m *Machine) vSteer() bool {
	if m.in.Space == amd64.SpXOP {
		return false
	}
	if !m.vecOperands(false) && m.kv == 0 && m.opcode()&^1 != 0x178 {
		return m.clean()
	}
	m.valueToo((*Machine).steered)
	return m.steered() && m.setResult()
}

func (m *Machine) steered() bool {
	m.res = vec{}
	switch m.in.Map {
	case 0:
		if m.in.Space != amd64.Sp3DNow {
			return false
		}
		v := m.sv[m.nsrc-1][0] // pswapd
		m.res[0] = v>>32 | v<<32
		return true
	case 1:
		return m.steer0F()
	case 2:
		return m.broadcast()
	case 3:
		return m.steer0F3A()
	}
	return false
}

// size is the number of bytes of the result.
func (m *Machine) size() int { return int(m.ops[0].Width) }

// part is the number of bytes that shuffles treat apart: a 128-bit lane, or all of an MMX register.
func (m *Machine) part() int {
	if m.ops[0].Class == amd64.CMMX {
		return 8
	}
	return 16
}

// move sets result element i, of es bytes, to element j of source s.
func (m *Machine) move(es, i, s, j int) { put(&m.res, es, i, get(&m.sv[s], es, j)) }

func (m *Machine) steer0F() bool {
	in := m.in
	imm := int(uint8(in.Imm))
	switch in.Op {
	case 0x12, 0x16: // movsldup, movddup; movshdup
		es, odd := 4, int(in.Op>>2&1)
		if in.PP&2 != 0 {
			es = 8
		}
		for i := range m.size() / es {
			m.move(es, i, 0, i&^1|odd)
		}
	case 0x14, 0x60, 0x61, 0x62, 0x6c: // unpck, punpck: low
		m.unpack(0)
	case 0x15, 0x68, 0x69, 0x6a, 0x6d: // high
		m.unpack(1)
	case 0x70:
		switch in.PP {
		case 0: // pshufw
			for i := range 4 {
				m.move(2, i, 0, imm>>(2*i)&3)
			}
		case 1: // pshufd
			for i := range 16 {
				m.move(4, i, 0, i&^3|imm>>(2*(i&3))&3)
			}
		default: // pshuflw, pshufhw
			high := int(in.PP >> 2)
			for i := range 32 {
				if j := i; i>>2&1 == high {
					j = i&^3 | imm>>(2*(i&3))&3
					m.move(2, i, 0, j)
				} else {
					m.move(2, i, 0, i)
				}
			}
		}
	case 0x73: // psrldq, pslldq
		for i := range m.size() {
			j := i + imm
			if in.ModRM>>3&7 == 7 {
				j = i - imm
			}
			if j >= 0 && j>>4 == i>>4 {
				m.move(1, i, 0, j)
			}
		}
	case 0xc4: // pinsrw
		m.res = m.sv[0]
		put(&m.res, 2, imm&(m.part()/2-1), m.sv[1][0])
	case 0xc5: // pextrw
		m.res[0] = get(&m.sv[0], 2, imm&(m.part0()/2-1))
	case 0xc6: // shufps, shufpd
		if m.elem() == 4 {
			for i := range 16 {
				m.move(4, i, i>>1&1, i&^3|imm>>(2*(i&3))&3)
			}
		} else {
			for i := range 8 {
				m.move(8, i, i&1, i&^1|imm>>i&1)
			}
		}
	case 0x78, 0x79:
		return m.sse4a()
	default:
		return false
	}
	return true
}

// part0 is part for instructions whose result is no vector.
func (m *Machine) part0() int {
	if m.ops[m.src[0]].Class == amd64.CMMX {
		return 8
	}
	return 16
}

// unpack interleaves the low or high halves of each part.
func (m *Machine) unpack(high int) {
	es := m.elem()
	n := m.part() / es
	for i := range m.size() / es {
		m.move(es, i, i&1, i&^(n-1)+high*n/2+i&(n-1)/2)
	}
}

// sse4a: extrq and insertq. Field length and place come from immediates or from bits of the source.
func (m *Machine) sse4a() bool {
	in := m.in
	insert := in.PP&2 != 0
	dst := &m.File.Vec[m.ops[0].Num&31]
	last := m.ops[m.nops()-1]
	src := dst
	if m.ops[1].Kind == amd64.OpReg {
		src = &m.File.Vec[m.ops[1].Num&31]
	}
	length, at := uint64(in.Imm)&63, uint64(in.Imm2)&63
	known := true
	if last.Kind == amd64.OpReg {
		m.v.Vec(last.Num, &m.tmp)
		ctl, v := m.tmp[0], src[0]
		if insert {
			ctl, v = m.tmp[1], src[1]
		}
		length, at, known = ctl&63, ctl>>8&63, v&0x3f3f == 0
	}
	if length == 0 {
		length = 64
	}
	w := lowOnes(int(length))
	m.res = *dst
	switch {
	case !known:
		m.res[0] = ^uint64(0)
	case length+at > 64: // no result is specified for fields beyond the quadword: any of the bits may decide any other
		m.res[0] = 0
		if dst[0]|src[0] != 0 {
			m.res[0] = ^uint64(0)
		}
	case insert:
		m.res[0] = dst[0]&^(w<<at) | src[0]&w<<at
	default:
		m.res[0] = dst[0] >> at & w
	}
	return true
}

func (m *Machine) nops() int { return len(m.ops) }

// broadcast repeats the source operand.
func (m *Machine) broadcast() bool {
	in := m.in
	o := &m.ops[m.src[0]]
	n := int(o.Width)
	if o.Kind == amd64.OpReg && o.Class == amd64.CGPR {
		n = m.elem()
	}
	v := &m.sv[0]
	if in.Op == 0xb1 { // vbcstnebf162ps, vbcstnesh2ps: with conversion
		v[0], n = pcast(v[0]), 4
	}
	for j := range m.res {
		if n >= 8 {
			m.res[j] = v[j%(n/8)]
			continue
		}
		m.res[j] = v[0] & ones(n) * (^uint64(0) / ones(n))
	}
	return true
}

func (m *Machine) steer0F3A() bool {
	in := m.in
	imm := int(uint8(in.Imm))
	es := m.elem()
	words := m.vl() / 8
	switch in.Op {
	case 0x02, 0x0c, 0x0d, 0x0e: // vpblendd, blendps, blendpd, pblendw
		for i := range m.size() / es {
			m.move(es, i, imm>>(i&7)&1, i)
		}
	case 0x03: // valign
		n := m.vl() / es
		for i := range n {
			j := i + imm&(n-1)
			m.move(es, i, 1-j/n, j%n)
		}
	case 0x06, 0x46: // vperm2f128, vperm2i128
		for i := range 2 {
			if c := imm >> (4 * i); c&8 == 0 {
				m.res[2*i], m.res[2*i+1] = m.sv[c>>1&1][c&1*2], m.sv[c>>1&1][c&1*2+1]
			}
		}
	case 0x0f: // palignr
		n := m.part()
		for i := range m.size() {
			if j := i%n + imm; j < 2*n {
				m.move(1, i, 1-j/n, i-i%n+j%n)
			}
		}
	case 0x14, 0x15, 0x16, 0x17: // pextrb, pextrw, pextrd, pextrq, extractps
		n := [...]int{1, 2, 4, 4}[in.Op&3]
		if in.Op == 0x16 && in.W == 1 {
			n = 8
		}
		m.res[0] = get(&m.sv[0], n, imm&(16/n-1))
	case 0x18, 0x1a, 0x38, 0x3a: // vinsert
		n := int(m.ops[m.src[1]].Width) / 8
		m.res = m.sv[0]
		copy(m.res[imm&(words/n-1)*n:][:n], m.sv[1][:n])
	case 0x19, 0x1b, 0x39, 0x3b: // vextract
		n := int(m.ops[0].Width) / 8
		copy(m.res[:n], m.sv[0][imm&(words/n-1)*n:])
	case 0x20: // pinsrb
		m.res = m.sv[0]
		put(&m.res, 1, imm&15, m.sv[1][0])
	case 0x21: // insertps
		e := m.sv[1][0]
		if m.ops[m.src[1]].Kind == amd64.OpReg {
			e = get(&m.sv[1], 4, imm>>6)
		}
		m.res = m.sv[0]
		put(&m.res, 4, imm>>4&3, e)
		for i := range 4 {
			if imm>>i&1 != 0 {
				put(&m.res, 4, i, 0)
			}
		}
	case 0x22: // pinsrd, pinsrq
		m.res = m.sv[0]
		n := 4 << in.W
		put(&m.res, n, imm&(16/n-1), m.sv[1][0])
	case 0x23, 0x43: // vshuff, vshufi: by parts of 16 bytes
		n := words / 2
		for i := range n {
			bits := n / 2 // per selector: 1 of two parts, 2 of four
			c := imm >> (i * bits) & (n - 1)
			s := i * 2 / n
			m.res[2*i], m.res[2*i+1] = m.sv[s][2*c], m.sv[s][2*c+1]
		}
	default:
		return false
	}
	return true
}

// choose gives the V bits of an element of es bytes that index selects from a table of n elements, a power of two: the
// first of them are those of source s1, the others those of s2; base is added within the source. The undefined bits of
// the index, iv, make it one of several.
func (m *Machine) choose(es, n, s1, s2, base int, index, iv uint64) uint64 {
	index &= uint64(n) - 1
	iv &= uint64(n) - 1
	first := n // elements of the first source
	if s2 >= 0 {
		first = n / 2
	}
	var v, any uint64
	all := ^uint64(0)
	for sub := iv; ; sub = (sub - 1) & iv {
		s, i := s1, int(index&^iv|sub)
		if i >= first {
			s, i = s2, i-first
		}
		x := get(&m.sx[s], es, base+i)
		v, any, all = v|get(&m.sv[s], es, base+i), any|x, all&x
		if sub == 0 {
			return v | any&^all
		}
	}
}

// vPermvar: moves of elements that other elements choose. An undefined index makes those bits undefined that differ
// between the elements it can select.
func (m *Machine) vPermvar() bool {
	in := m.in
	if in.Space == amd64.SpXOP || in.Space == amd64.SpVEX && in.Map == 3 && in.Op >= 0x48 {
		return false
	}
	op := m.opcode()
	dirty := m.vecOperands(false)
	switch {
	case op == 0x28f:
		return m.shufbits(dirty)
	case !dirty && m.kv == 0:
		return m.clean()
	}
	m.values()
	if m.kv != 0 { // the value, with the places that the values of undefined indices choose
		v := m.sv
		m.sv = m.sx
		if m.in.Row.Imm == amd64.INone {
			m.sv[m.indices()] = vec{}
		}
		m.hasX = m.permuted()
		m.resX, m.sv = m.res, v
	}
	return m.permuted() && m.setResult()
}

// indices is the source that has the indices of a permutation.
func (m *Machine) indices() int {
	switch m.opcode() {
	case 0x200, 0x20c, 0x20d, 0x27d, 0x27e, 0x27f:
		return 1
	}
	return 0
}

func (m *Machine) permuted() bool {
	es := m.elem()
	n := m.vl() / es
	imm := uint64(uint8(m.in.Imm))
	m.res = vec{}
	switch m.opcode() {
	case 0x200: // pshufb
		n = m.part()
		for i := range m.size() {
			x, v := get(&m.sx[1], 1, i), get(&m.sv[1], 1, i)
			if x&^v&0x80 != 0 {
				continue
			}
			if v == 0 {
				m.move(1, i, 0, i&^(n-1)|int(x)&(n-1))
				continue
			}
			r := m.choose(1, n, 0, -1, i&^(n-1), x, v)
			if v&0x80 != 0 { // or zero
				for sub := v & uint64(n-1); ; sub = (sub - 1) & v & uint64(n-1) {
					r |= get(&m.sx[0], 1, i&^(n-1)+int(x&^v&uint64(n-1)|sub))
					if sub == 0 {
						break
					}
				}
			}
			put(&m.res, 1, i, r)
		}
	case 0x300, 0x301: // vpermq, vpermpd by an immediate
		for i := range 8 {
			m.move(8, i, 0, i&^3|int(imm>>(2*(i&3))&3))
		}
	case 0x304: // vpermilps
		for i := range 16 {
			m.move(4, i, 0, i&^3|int(imm>>(2*(i&3))&3))
		}
	case 0x305: // vpermilpd
		for i := range 8 {
			m.move(8, i, 0, i&^1|int(imm>>i&1))
		}
	case 0x20c:
		for i := range n {
			put(&m.res, 4, i, m.choose(4, 4, 0, -1, i&^3, get(&m.sx[1], 4, i), get(&m.sv[1], 4, i)))
		}
	case 0x20d:
		for i := range n {
			put(&m.res, 8, i, m.choose(8, 2, 0, -1, i&^1, get(&m.sx[1], 8, i)>>1, get(&m.sv[1], 8, i)>>1))
		}
	case 0x216, 0x236, 0x28d: // vperm: the first source has the indices
		for i := range n {
			put(&m.res, es, i, m.choose(es, n, 1, -1, 0, get(&m.sx[0], es, i), get(&m.sv[0], es, i)))
		}
	case 0x275, 0x276, 0x277: // vpermi2: the destination has them
		for i := range n {
			put(&m.res, es, i, m.choose(es, 2*n, 1, 2, 0, get(&m.sx[0], es, i), get(&m.sv[0], es, i)))
		}
	case 0x27d, 0x27e, 0x27f: // vpermt2: the first source has them
		for i := range n {
			put(&m.res, es, i, m.choose(es, 2*n, 0, 2, 0, get(&m.sx[1], es, i), get(&m.sv[1], es, i)))
		}
	case 0x283: // vpmultishiftqb: eight bits from any place of a quadword
		for i := range 64 {
			c, v := get(&m.sx[0], 1, i)&63, get(&m.sv[0], 1, i)&63
			x, q := m.sx[1][i/8], m.sv[1][i/8]
			r := shift(rotateRight, 64, q, 0, c)
			if v != 0 {
				r = pcast(q | (x ^ -(x & 1))) // unless all bits are alike
			}
			put(&m.res, 1, i, r)
		}
	default:
		return false
	}
	return true
}

// shufbits: vpshufbitqmb, bits of quadwords to a mask.
func (m *Machine) shufbits(dirty bool) bool {
	n := m.vl()
	if !dirty && m.kv == 0 {
		return m.setK(0, 0, n)
	}
	m.values()
	var undef, val uint64
	for i := range n {
		c, v := get(&m.sx[1], 1, i)&63, get(&m.sv[1], 1, i)&63
		x, q := m.sx[0][i/8], m.sv[0][i/8]
		switch {
		case v != 0 && q|(x^-(x&1)) != 0, v == 0 && q>>c&1 != 0:
			undef |= 1 << i
		case x>>c&1 != 0:
			val |= 1 << i
		}
	}
	return m.setK(undef, val, n)
}
