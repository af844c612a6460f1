package vbits

import "gogrind/internal/isa/amd64"

// Kinds of shifts.
type shiftKind uint8

const (
	shiftLeft shiftKind = iota
	shiftRight
	shiftArith
	rotateLeft
	rotateRight
	doubleLeft
	doubleRight
)

// shift applies a shift of w bits by a known count to a value or V bits. y is what is shifted in by double shifts.
func shift(k shiftKind, w uint, x, y, count uint64) uint64 {
	m := lowOnes(int(w))
	switch k {
	case shiftLeft:
		if count >= uint64(w) {
			return 0
		}
		return x << count & m
	case shiftRight:
		if count >= uint64(w) {
			return 0
		}
		return x >> count
	case shiftArith:
		return uint64(sext(w, x)>>min(count, uint64(w-1))) & m
	case rotateLeft:
		c := uint(count) & (w - 1)
		return (x<<c | x>>(w-c)) & m
	case rotateRight:
		c := uint(count) & (w - 1)
		return (x>>c | x<<(w-c)) & m
	case doubleLeft:
		c := uint(count) & (w - 1)
		return (x<<c | y>>(w-c)) & m
	default:
		c := uint(count) & (w - 1)
		return (x>>c | y<<(w-c)) & m
	}
}

// shiftKindOf is the kind of an instruction of the classes v.shift and v.shiftvar.
func (m *Machine) shiftKindOf() shiftKind {
	in := m.in
	switch op := m.opcode(); op {
	case 0x171, 0x172, 0x173: // by an immediate
		return [...]shiftKind{rotateRight, rotateLeft, shiftRight, shiftRight, shiftArith, shiftLeft, shiftLeft, shiftLeft}[in.ModRM>>3&7]
	case 0x1e1, 0x1e2, 0x211, 0x246:
		return shiftArith
	case 0x1d1, 0x1d2, 0x1d3, 0x210, 0x245:
		return shiftRight
	case 0x214:
		return rotateRight
	case 0x215:
		return rotateLeft
	case 0x270, 0x271, 0x370, 0x371:
		return doubleLeft
	case 0x272, 0x273, 0x372, 0x373:
		return doubleRight
	}
	return shiftLeft
}

// outcomes collects the values that a result can have: bits that are 1 in some of them, in all of them, and that are undefined
// in some.
type outcomes struct{ some, all, v uint64 }

func (o *outcomes) add(x, v uint64) { o.some, o.all, o.v = o.some|x, o.all&x, o.v|v }

// undefined are the bits that are not the same in all outcomes.
func (o *outcomes) undefined() uint64 { return o.v | o.some&^o.all }

// shiftV are the V bits of the shift of an element by count c with V bits vc: those of all the counts that it can be.
func shiftV(k shiftKind, w uint, x, y, vx, vy, c, vc uint64) uint64 {
	if k >= rotateLeft {
		vc &= uint64(w) - 1
	}
	if vc == 0 {
		return shift(k, w, vx, vy, c)
	}
	if x|y|vx|vy == 0 {
		return 0
	}
	o := outcomes{all: ^uint64(0)}
	if k >= rotateLeft || c&^vc>>6 == 0 { // else everything is shifted out
		for free := vc & 63; ; free = (free - 1) & vc & 63 {
			n := c&^vc&63 | free
			o.add(shift(k, w, x, y, n), shift(k, w, vx, vy, n))
			if free == 0 {
				break
			}
		}
	}
	if k < rotateLeft && (c|vc)>>6 != 0 {
		o.add(shift(k, w, x, y, 64), shift(k, w, vx, vy, 64))
	}
	return o.undefined()
}

// vShift: all elements by one count.
func (m *Machine) vShift() bool {
	imm := m.in.Row.Imm != amd64.INone
	if !m.vecOperands(imm) && m.kv == 0 {
		return m.clean()
	}
	es := m.elem()
	k := m.shiftKindOf()
	count, vc := uint64(uint8(m.in.Imm)), uint64(0)
	if !imm || m.kv != 0 {
		m.values()
	}
	if !imm {
		count, vc = m.sx[1][0], m.sv[1][0]
	}
	w, one := uint(es)*8, ones(es)
	if m.hasX = m.kv != 0; m.hasX {
		for i := range m.size() / es {
			var y uint64
			if k >= doubleLeft {
				y = get(&m.sx[1], es, i)
			}
			put(&m.resX, es, i, shift(k, w, get(&m.sx[0], es, i), y, count))
		}
	}
	for j := range m.res {
		var r uint64
		v, v2 := m.sv[0][j], uint64(0)
		if k >= doubleLeft {
			v2 = m.sv[1][j]
		}
		switch {
		case vc != 0:
			for s := uint(0); s < 64; s += w {
				r |= shiftV(k, w, m.sx[0][j]>>s&one, 0, v>>s&one, 0, count, vc) << s
			}
		case v|v2 != 0:
			for s := uint(0); s < 64; s += w {
				r |= shift(k, w, v>>s&one, v2>>s&one, count) << s
			}
		}
		m.res[j] = r
	}
	return m.setResult()
}

// vShiftvar: each element by its own count.
func (m *Machine) vShiftvar() bool {
	if m.amdOnly() {
		return false
	}
	if !m.vecOperands(true) && m.kv == 0 {
		return m.clean()
	}
	m.values()
	es := m.elem()
	k, w := m.shiftKindOf(), uint(es)*8
	last := m.nsrc - 1
	m.hasX = m.kv != 0
	for i := range m.size() / es {
		x, v, c, vc := get(&m.sx[0], es, i), get(&m.sv[0], es, i), get(&m.sx[last], es, i), get(&m.sv[last], es, i)
		var y, vy uint64
		if k >= doubleLeft {
			y, vy = get(&m.sx[1], es, i), get(&m.sv[1], es, i)
		}
		put(&m.res, es, i, shiftV(k, w, x, y, v, vy, c, vc))
		if m.hasX {
			put(&m.resX, es, i, shift(k, w, x, y, c))
		}
	}
	return m.setResult()
}
