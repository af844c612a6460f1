package vbits

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// Operations of opcodes 00-3f (bits 3-5) and of group 80-83 (ModRM.reg) that share a class.
const (
	aluSub = 5
	aluSbb = 3
)

// aluOp is which of the eight operations of the first group of opcodes it is.
func aluOp(in *amd64.Inst) uint8 {
	if in.Op < 0x40 {
		return in.Op >> 3
	}
	return in.ModRM >> 3 & 7
}

// sameRegister reports whether operands i and j are the same register, or part of it.
func (m *Machine) sameRegister(i, j int) bool {
	a, b := &m.ops[i], &m.ops[j]
	return a.Kind == amd64.OpReg && b.Kind == amd64.OpReg && a.Class == b.Class && a.Num == b.Num
}

func (m *Machine) bits(i int) uint { return uint(m.ops[i].Width) * 8 }

func (m *Machine) aluAdd() bool {
	in := m.in
	if in.Map != 0 { // aadd
		m.set(0, addV(m.bits(0), m.get(0), m.get(1), val{}))
		return true
	}
	if in.Op >= 0xf6 {
		m.unary()
		return true
	}
	if va, vb := m.vbits(0), m.vbits(1); va|vb == 0 {
		m.set(0, 0)
		m.setFlags(flagsArith, 0)
		return true
	}
	sub := aluOp(in) == aluSub
	if m.sameRegister(0, 1) {
		m.addSame(sub)
		return true
	}
	w := m.bits(0)
	a, b, c := m.get(0), m.get(1), val{}
	if sub {
		b.x, c.x = ^b.x&mask(w), 1
	}
	r, f := addFlags(w, a, b, c, sub)
	m.set(0, r)
	m.setFlags(flagsArith, f)
	return true
}

// addSame is r+r, a shift, or r-r, which is 0.
func (m *Machine) addSame(sub bool) {
	if sub {
		m.set(0, 0)
		m.setFlags(flagsArith, 0)
		return
	}
	r, f := m.double(val{})
	m.set(0, r)
	m.setFlags(flagsArith, f)
}

// double is operand 0 shifted by 1 bit, carry c moving in.
func (m *Machine) double(c val) (r, f uint64) {
	w := m.bits(0)
	a := m.get(0)
	res := val{(a.x<<1 | c.x) & mask(w), (a.v<<1 | c.v) & mask(w)}
	f = logicFlags(w, res)
	f |= a.v >> (w - 1) & flagC
	f |= (a.v>>(w-1) | a.v>>(w-2)) & 1 << 11 // overflow: the sign changes
	f |= a.v >> 3 & 1 << 4                   // the half carry is bit 3
	return res.v, f &^ knownAll
}

// unary is inc, dec, neg.
func (m *Machine) unary() {
	in := m.in
	w := m.bits(0)
	neg := in.Op <= 0xf7
	written := uint64(flagsArith)
	if !neg {
		written &^= flagC
	}
	if m.vbits(0) == 0 {
		m.set(0, 0)
		m.setFlags(written, 0)
		return
	}
	a := m.get(0)
	var r, f uint64
	switch {
	case neg: // 0 + ^a + 1
		r, f = addFlags(w, val{}, val{^a.x & mask(w), a.v}, val{1, 0}, true)
	case in.ModRM>>3&7 == 0:
		r, f = addFlags(w, a, val{1, 0}, val{}, false)
	default: // a + ^1 + 1
		r, f = addFlags(w, a, val{mask(w) - 1, 0}, val{1, 0}, true)
	}
	m.set(0, r)
	if !neg {
		f &^= knownBE // the carry is an older one
	}
	m.setFlags(written, f)
}

func (m *Machine) flag(f uint64) val {
	return val{bit(m.regs.RFlags&f != 0), bit(m.File.Flags&f != 0)}
}

func (m *Machine) aluAdc() bool {
	in := m.in
	w := m.bits(0)
	if in.Map != 0 { // adcx, adox: one flag only
		f := uint64(flagC)
		if in.PP&4 != 0 {
			f = flagO
		}
		var r, fl uint64
		if m.sameRegister(0, 1) {
			r, fl = m.double(m.flag(f))
		} else {
			r, fl = addFlags(w, m.get(0), m.get(1), m.flag(f), false)
		}
		m.set(0, r)
		m.setFlags(f, boolMask(fl&flagC != 0))
		return true
	}
	c := m.flag(flagC)
	va, vb := m.vbits(0), m.vbits(1)
	if va|vb|c.v == 0 {
		m.set(0, 0)
		m.setFlags(flagsArith, 0)
		return true
	}
	sub := aluOp(in) == aluSbb
	same := m.sameRegister(0, 1)
	switch {
	case same && sub:
		// 0 or -1, as the carry says: C, A and S are the carry, Z is not, P and O are defined.
		m.set(0, boolMask(c.v != 0))
		m.setFlags(flagsArith, (flagC|flagA|flagS|flagZ|knownBE|knownLE)&boolMask(c.v != 0))
		return true
	case same:
		r, f := m.double(c)
		m.set(0, r)
		m.setFlags(flagsArith, f)
		return true
	}
	a, b := m.get(0), m.get(1)
	if sub {
		b.x, c.x = ^b.x&mask(w), c.x^1
	}
	r, f := addFlags(w, a, b, c, sub)
	m.set(0, r)
	m.setFlags(flagsArith, f)
	return true
}

func (m *Machine) aluCmp() bool {
	if va, vb := m.vbits(0), m.vbits(1); va|vb == 0 || m.sameRegister(0, 1) {
		m.setFlags(flagsArith, 0)
		return true
	}
	w := m.bits(0)
	a, b := m.get(0), m.get(1)
	b.x = ^b.x & mask(w)
	_, f := addFlags(w, a, b, val{1, 0}, true)
	m.setFlags(flagsArith, f)
	return true
}

func (m *Machine) aluTest() bool {
	va, vb := m.vbits(0), m.vbits(1)
	if va|vb == 0 {
		m.setFlags(flagsArith, 0)
		return true
	}
	r := m.get(0)
	if !m.sameRegister(0, 1) {
		b := m.get(1)
		r = val{r.x & b.x, andV(r, b)}
	}
	m.setFlags(flagsArith, m.logic(r))
	return true
}

// logic are the flags of a logic operation's result. The half carry is called undefined by the manuals: processors clear it.
func (m *Machine) logic(r val) uint64 { return logicFlags(m.bits(0), r) }

// binary does operations on operands 0 and 1 whose flags are those of logic: v gives their V bits, x the result.
func (m *Machine) binary(x func(a, b uint64) uint64, v func(a, b val) uint64) {
	va, vb := m.vbits(0), m.vbits(1)
	if va|vb == 0 {
		m.set(0, 0)
		m.setFlags(flagsArith, 0)
		return
	}
	a := m.get(0)
	r := a
	if !m.sameRegister(0, 1) {
		b := m.get(1)
		w := m.bits(0)
		r = val{x(a.x, b.x) & mask(w), v(a, b) & mask(w)}
	}
	m.set(0, r.v)
	m.setFlags(flagsArith, m.logic(r))
}

func (m *Machine) aluAnd() bool {
	switch m.in.Map {
	case 0:
		m.binary(func(a, b uint64) uint64 { return a & b }, func(a, b val) uint64 {
			m.selectMerge(a, b)
			return andV(a, b)
		})
	default:
		if m.in.Op == 0xfc { // aand
			m.set(0, andV(m.get(0), m.get(1)))
			return true
		}
		// andn: G = ^B & MR
		w := m.bits(0)
		a, b := m.get(1), m.get(2)
		a.x = ^a.x & mask(w)
		r := val{a.x & b.x, andV(a, b)}
		if m.sameRegister(1, 2) {
			r = val{}
		}
		m.set(0, r.v)
		f := logicFlags(w, r)
		m.setFlags(flagsArith, f)
	}
	return true
}

func (m *Machine) aluOr() bool {
	if m.in.Map != 0 { // aor
		m.set(0, orV(m.get(0), m.get(1)))
		return true
	}
	m.binary(func(a, b uint64) uint64 { return a | b }, orV)
	return true
}

func (m *Machine) aluXor() bool {
	in := m.in
	switch {
	case in.Map != 0: // axor
		m.set(0, m.vbits(0)|m.vbits(1))
		return true
	case in.Op >= 0xf6: // not
		m.set(0, m.vbits(0))
		return true
	case m.sameRegister(0, 1):
		m.set(0, 0)
		m.setFlags(flagsArith, 0)
		return true
	}
	m.binary(func(a, b uint64) uint64 { return a ^ b }, func(a, b val) uint64 {
		if v, ok := m.xorMerged(a, b); ok {
			return v
		}
		m.beginMerge(a, b)
		return a.v | b.v
	})
	return true
}

// gprVal is a general register, of which the lowest w bits count.
func (m *Machine) gprVal(n uint8, w uint) val {
	return val{m.regs.GPR[n&15] & mask(w), m.File.GPR[n&15] & mask(w)}
}

func (m *Machine) lea() bool {
	in := m.in
	w := uint(in.ASize) * 8
	hasBase, hasIndex := in.Base < 16, in.Index != amd64.NoReg
	var base, index val
	if hasBase {
		base = m.gprVal(in.Base, w)
	}
	if hasIndex {
		index = m.gprVal(in.Index, w)
	}
	if base.v|index.v == 0 {
		m.set(0, 0)
		return true
	}
	disp := val{uint64(in.Disp) & mask(w), 0}
	var v uint64
	switch {
	case hasBase && hasIndex && in.Base == in.Index:
		s := val{uint64(in.Scale) + 1, 0}
		v = addV(w, val{base.x * s.x & mask(w), mulV(w, base, s)}, disp, val{})
	default:
		s := uint64(in.Scale)
		if !hasIndex {
			s = 1
		}
		index = val{index.x * s & mask(w), index.v * s & mask(w)}
		// The constant goes to the defined one first: sums of two are exact.
		a, b := base, index
		if a.v != 0 {
			a, b = b, a
		}
		sum := val{(a.x + disp.x) & mask(w), addV(w, a, disp, val{})}
		v = addV(w, sum, b, val{})
	}
	m.set(0, v)
	return true
}

// ext is widening moves, and the sign of rax to rdx.
func (m *Machine) ext() bool {
	in := m.in
	v := m.vbits(1)
	from := m.bits(1)
	if v == 0 {
		m.set(0, 0)
		return true
	}
	if from > m.bits(0) {
		from = m.bits(0)
	}
	sign := in.Map == 0 || in.Op >= 0xbe // movsxd, cwde, cqo; movsx
	if sign {
		v = uint64(int64(v<<(64-from)) >> (64 - from))
	}
	if in.Map == 0 && in.Op == 0x99 {
		v = boolMask(v>>(from-1)&1 != 0)
	}
	m.set(0, v)
	return true
}

func (m *Machine) xchg() bool {
	a, b := m.vbits(0), m.vbits(1)
	m.set(0, b)
	m.set(1, a)
	return true
}

func (m *Machine) nop() bool { return true }

// moveSP gives the stack pointer the V bits of rsp+n.
func (m *Machine) moveSP(n int64) {
	if m.File.GPR[guest.RSP] == 0 {
		return
	}
	m.setGPR(guest.RSP, 8, addV(64, m.gprVal(guest.RSP, 64), val{uint64(n), 0}, val{}))
}
