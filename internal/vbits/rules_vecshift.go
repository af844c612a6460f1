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

// vShift: all elements by one count.
func (m *Machine) vShift() bool {
	imm := m.in.Row.Imm != amd64.INone
	if !m.vecOperands(imm) {
		return m.clean()
	}
	es := m.elem()
	k := m.shiftKindOf()
	count := uint64(uint8(m.in.Imm))
	if !imm {
		m.values()
		count = m.sx[1][0]
		if m.sv[1][0] != 0 {
			// Only zeros stay what they are.
			for j := range m.res {
				m.res[j] = widen(m.sv[0][j]|m.sx[0][j], es)
			}
			return m.setResult()
		}
	}
	w, one := uint(es)*8, ones(es)
	for j := range m.res {
		var r uint64
		v, v2 := m.sv[0][j], uint64(0)
		if k >= doubleLeft {
			v2 = m.sv[1][j]
		}
		if v|v2 != 0 {
			for s := uint(0); s < 64; s += w {
				r |= shift(k, w, v>>s&one, v2>>s&one, count) << s
			}
		}
		m.res[j] = r
	}
	return m.setResult()
}

// vShiftvar: each element by its own count. An undefined count makes all of the element undefined, unless it is zero.
func (m *Machine) vShiftvar() bool {
	if m.amdOnly() {
		return false
	}
	if !m.vecOperands(true) {
		return m.clean()
	}
	m.values()
	es := m.elem()
	k := m.shiftKindOf()
	w := uint(es) * 8
	count := m.nsrc - 1
	for i := range 64 / es {
		x, v, c, vc := get(&m.sx[0], es, i), get(&m.sv[0], es, i), get(&m.sx[count], es, i), get(&m.sv[count], es, i)
		var y, vy uint64
		if k >= doubleLeft {
			y, vy = get(&m.sx[1], es, i), get(&m.sv[1], es, i)
		}
		if k >= rotateLeft {
			vc &= uint64(w) - 1
		}
		if vc != 0 {
			v = pcast(x | v | y | vy)
		} else {
			v = shift(k, w, v, vy, c)
		}
		put(&m.res, es, i, v)
	}
	return m.setResult()
}
