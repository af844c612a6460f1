package vbits

import (
	"encoding/binary"
	"math/bits"

	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// signMask takes the sign bits of the elements of a vector mask as write mask.
func (m *Machine) signMask(s, es, n int) {
	m.masked, m.kx, m.kv = true, 0, 0
	for i := range n {
		m.kx |= get(&m.sx[s], es, i) >> (es*8 - 1) << i
		m.kv |= get(&m.sv[s], es, i) >> (es*8 - 1) << i
	}
}

// vMaskmov: loads and stores under a vector mask.
func (m *Machine) vMaskmov() bool {
	in := m.in
	m.lanewise, m.masked, m.nsrc, m.hasX = false, false, 0, true
	es := m.elem()
	if in.Map == 1 { // maskmovq, maskmovdqu: data, mask, [rdi]
		m.vecOperands(false)
		m.values()
		m.res, m.resX, m.hasX = m.sv[0], m.sx[0], true
		m.signMask(1, 1, int(m.ops[0].Width))
		m.storeTo(2)
		return true
	}
	m.src[0], m.nsrc = 1, 1
	m.vecV(1, &m.sv[0])
	store := m.ops[0].Kind == amd64.OpMem
	if store {
		m.src[1], m.nsrc = 2, 2
		m.vecV(2, &m.res)
	}
	m.values()
	m.signMask(0, es, m.vl()/es)
	if store {
		m.resX = m.sx[1]
		m.storeTo(0)
		return true
	}
	m.lanewise = true
	m.vecMem(2, &m.res, true)
	if m.kv != 0 {
		m.vecMem(2, &m.sx[1], false)
	}
	for j := range m.res {
		on, open := expand(m.kx, es, j), expand(m.kv, es, j)
		m.res[j] = m.res[j]&on | open&(m.res[j]|m.sx[1][j])
	}
	m.masked = false
	return m.setResult()
}

// vGather: gathers and scatters. The address of an element that may be accessed must be defined.
func (m *Machine) vGather() bool {
	in := m.in
	var a *amd64.Access
	for i := range m.accs {
		if m.accs[i].Addr == amd64.AddrVSIB {
			a = &m.accs[i]
		}
	}
	if a == nil {
		return false
	}
	es, n := int(a.Size), int(a.Elems)
	m.lanewise, m.nsrc = false, 0
	evex := in.Space == amd64.SpEVEX
	maskReg := m.ops[2].Num
	if evex {
		m.masked, m.kx, m.kv = true, m.v.Mask(in.AAA), m.File.Mask[in.AAA&7]
	} else {
		m.src[0], m.nsrc = 2, 1
		m.vecV(2, &m.sv[0])
		m.values()
		m.signMask(0, es, n)
	}
	is := 4 << (in.Op & 1)
	index, iv := &m.tmp, &m.File.Vec[in.Index&31]
	m.v.Vec(in.Index, index)
	scatter := in.Row.Attr&amd64.AScatter != 0
	data := m.ops[0].Num & 31
	if scatter {
		data = m.ops[len(m.ops)-1].Num & 31
	}
	m.res = m.File.Vec[data]
	used := false
	for i := range n {
		if (m.kx|m.kv)>>i&1 == 0 {
			continue
		}
		if get(iv, is, i) != 0 && !used {
			used = true
			m.use(UseAddress, 8, m.Origins.Vec[in.Index&31])
		}
		at := m.element(uint64(sext(uint(is)*8, get(index, is, i))))
		open := -(m.kv >> i & 1)
		if scatter {
			m.storeBits(at, get(&m.res, es, i)|open, es) // elements may overlap: what it may replace is not known
			continue
		}
		m.loadV(m.buf[:es], at)
		v := le(m.buf[:es])
		if open != 0 {
			m.mem.Load(m.buf[:es], at)
			m.v.Vec(data, &m.resX)
			v = oneOf(le(m.buf[:es]), get(&m.resX, es, i), v, get(&m.res, es, i))
		}
		put(&m.res, es, i, v)
	}
	if !scatter {
		var d vec
		cut(&d, &m.res, &m.ops[0])
		if n*es < 16 { // two elements of four bytes: the rest of the 16 bytes is zero
			d[1] = 0
		}
		m.setVec(data, &d)
	}
	if evex {
		m.setMask(in.AAA, 0)
	} else {
		m.setVec(maskReg, &vec{})
	}
	return true
}

// element is the address of a VSIB element with this index.
func (m *Machine) element(index uint64) guest.Addr {
	in := m.in
	r := m.regs
	x := uint64(in.Disp) + index*uint64(in.Scale)
	if in.Base < 16 {
		x += r.GPR[in.Base]
	}
	if in.ASize == 4 {
		x &= 0xffffffff
	}
	switch in.Seg {
	case amd64.SegFS:
		x += r.FSBase
	case amd64.SegGS:
		x += r.GSBase
	}
	return guest.Addr(x)
}

// vCompress: compress moves the elements that the mask selects together, expand moves them apart. Behind the first
// undefined mask bit it is not known which element goes where.
func (m *Machine) vCompress() bool {
	in := m.in
	es := m.elem()
	n := m.vl() / es
	m.masked, m.kx, m.kv, m.lanewise, m.nsrc = false, ^uint64(0), 0, false, 0
	if in.AAA != 0 {
		m.kx, m.kv = m.v.Mask(in.AAA), m.File.Mask[in.AAA&7]
	}
	m.kx, m.kv = m.kx&lowOnes(n), m.kv&lowOnes(n)
	known := min(bits.TrailingZeros64(m.kv), n) // elements before
	most := bits.OnesCount64(m.kx | m.kv)
	compress := false
	switch in.Op {
	case 0x63, 0x8a, 0x8b:
		compress = true
	}
	src := len(m.ops) - 1
	s := &m.sv[0]
	*s = vec{}
	if o := &m.ops[src]; o.Kind == amd64.OpReg {
		m.vecV(src, s)
	} else if most > 0 {
		a := m.access(src)
		p := m.buf[:most*es]
		m.loadV(p, m.address(a))
		for i := range most {
			put(s, es, i, le(p[i*es:(i+1)*es]))
		}
	}
	m.res = vec{}
	if o := &m.ops[0]; o.Kind == amd64.OpReg && !in.Z && in.AAA != 0 {
		m.res = m.File.Vec[o.Num&31]
	}
	k := 0
	for i := range known {
		if m.kx>>i&1 == 0 {
			continue
		}
		if compress {
			put(&m.res, es, k, get(s, es, i))
		} else {
			put(&m.res, es, i, get(s, es, k))
		}
		k++
	}
	if known < n {
		for i := known; compress && k < n; i++ {
			put(&m.res, es, k, ^uint64(0))
			k++
		}
		for i := known; !compress && i < n; i++ {
			if (m.kx|m.kv)>>i&1 != 0 {
				put(&m.res, es, i, ^uint64(0))
			}
		}
	}
	if m.ops[0].Kind == amd64.OpReg {
		return m.setResult()
	}
	for j := range m.res {
		binary.LittleEndian.PutUint64(m.buf[8*j:], m.res[j])
	}
	if most > 0 {
		m.storeV(m.address(m.access(0)), m.buf[:most*es])
	}
	return true
}
