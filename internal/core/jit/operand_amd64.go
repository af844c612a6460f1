package jit

import (
	"math"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// vsib marks rows whose index register is a vector register.
const vsib = amd64.AVsibX | amd64.AVsibY | amd64.AVsibZ

// scratchOrder lists registers for scratch use: those that need no REX prefix first, so that instructions with ah..bh can be
// re-encoded. rcx and rdx come last: indirect branches use them themselves.
var scratchOrder = [...]uint8{rax, rbx, rsi, rdi, rbp, 8, 9, 10, 11, 12, 13, 14, 15}

// scratch picks a register that the instruction does not touch, beside those in not.
func scratch(in *inst, not uint32) uint8 {
	e := in.effects()
	used := uint32(e.Reads|e.Writes)&0xffff | not | 1<<rsp
	for _, r := range scratchOrder {
		if used&(1<<r) == 0 {
			return r
		}
	}
	panic("jit: no scratch register")
}

// host returns the host operand for the instruction's own memory operand, if it needs no scratch register: flat addressing, and
// rip-relative addresses that the code cache reaches.
func (t *Translator) hostOperand(in *inst) (m mem, ok bool) {
	if in.Seg >= amd64.SegFS {
		return mem{}, false
	}
	m = mem{base: in.Base, index: in.Index, scale: in.Scale, disp: int32(in.Disp), a32: in.ASize == 4}
	if in.Base == amd64.RIP {
		m.target = in.pc + uint64(in.Len) + uint64(in.Disp)
		if m.a32 {
			// The copy has an absolute displacement, which is sign-extended.
			m.target &= math.MaxUint32
			m.a32 = false
			return m, m.target <= math.MaxInt32
		}
		return m, t.reaches(m.target)
	}
	if in.Row.Imm == amd64.IO && int64(m.disp) != in.Disp {
		return mem{}, false // moffs with an address that only 64 bits express
	}
	return m, true
}

// reaches reports whether rip-relative operands anywhere in the cache can address a.
func (t *Translator) reaches(a uint64) bool {
	const slack = 64 // an instruction's end lies at most this far from its start, and operands span up to 64 bytes
	lo, hi := int64(t.base), int64(t.base)+int64(len(t.hot.buf))
	return int64(a)-lo < math.MaxInt32-slack && int64(a)-hi > math.MinInt32+slack
}

// operand returns a flat host operand for the instruction's memory operand. If it takes a scratch register, that register is
// spilled to slot n and returned; the caller reloads it.
func (t *Translator) operand(in *inst, n int) (m mem, reg int) {
	if m, ok := t.hostOperand(in); ok {
		return m, -1
	}
	a := &t.hot
	s := scratch(in, 0)
	a.store(spill(n), s)
	var sp [3]uint8
	sp[n] = s + 1
	if in.Seg < amd64.SegFS {
		a.movImm(s, t.absolute(in))
		t.point(in.pc, false, sp)
		return at(s, 0), int(s)
	}
	base := vcpu.OffFSBase
	if in.Seg == amd64.SegGS {
		base = vcpu.OffGSBase
	}
	m = mem{base: in.Base, index: in.Index, scale: in.Scale, disp: int32(in.Disp)}
	switch {
	case in.Base == amd64.RIP || in.Row.Imm == amd64.IO && int64(m.disp) != in.Disp:
		// s = absolute + base, through the difference that lea can add without flags: load the base last.
		a.movImm(s, t.absolute(in))
		t.addSlot(in, s, base, sp)
		m = at(s, 0)
	case in.Row.Attr&vsib != 0:
		// The index is a vector register and stays; with 32-bit addressing copyInst has refused.
		a.load(s, slot(base))
		if m.base != noReg {
			a.lea(s, mem{base: m.base, index: s, scale: 1})
		}
		m.base = s
	case in.ASize == 4:
		m.a32 = true
		m.disp += int32(in.BeforePop())
		a.lea(s, m) // cut to 32 bits and zero-extended
		t.addSlot(in, s, base, sp)
		m = at(s, 0)
	case m.base == noReg && m.index == noReg:
		a.load(s, slot(base))
		m.base = s
	case m.index == noReg:
		a.load(s, slot(base))
		if m.base == rsp {
			m.index, m.scale = s, 1
		} else {
			m.index, m.base, m.scale = m.base, s, 1
		}
	default:
		a.load(s, slot(base))
		a.lea(s, mem{base: s, index: m.index, scale: m.scale})
		if m.base == noReg {
			m.base, m.index = s, noReg
		} else {
			m.index, m.scale = s, 1
		}
	}
	t.point(in.pc, false, sp)
	return m, int(s)
}

// addSlot adds the context word at off to s without touching flags: a second register carries it for a moment.
func (t *Translator) addSlot(in *inst, s uint8, off int32, sp [3]uint8) {
	a := &t.hot
	s2 := scratch(in, 1<<s)
	a.store(spill(slotT), s2)
	a.load(s2, slot(off))
	a.lea(s, mem{base: s, index: s2, scale: 1})
	a.load(s2, spill(slotT))
}

// absolute is the address of a rip-relative or moffs operand, without segment base.
func (t *Translator) absolute(in *inst) uint64 {
	x := uint64(in.Disp)
	if in.Base == amd64.RIP {
		x += in.pc + uint64(in.Len)
	}
	if in.ASize == 4 {
		x &= math.MaxUint32
	}
	return x
}

// copyInst copies an instruction that does not transfer control.
func (t *Translator) copyInst(in *inst) {
	a := &t.hot
	seg := in.Seg >= amd64.SegFS
	if seg && t.trusted(in) {
		a.raw(in.code) // GS is the shadow distance
		return
	}
	if !in.HasMem {
		if seg && t.implicitSeg(in) {
			t.copyString(in)
			return
		}
		a.raw(in.code)
		return
	}
	if in.Row.Sem == isa.Lea {
		if in.Base == amd64.RIP {
			t.copyLEA(in)
		} else {
			a.raw(in.code)
		}
		return
	}
	if in.Base != amd64.RIP && !seg {
		t.prefetchShadow(in)
		a.raw(in.code)
		return
	}
	if seg && in.Seg == amd64.SegFS && !t.cfg.Shadow && in.Base != amd64.RIP {
		// GS is the guest's FS base: another prefix is all it takes.
		out, err := amd64.SetSegPrefix(t.enc[:0], in.code, &in.Inst, amd64.SegGS)
		if err == nil {
			a.raw(out)
			return
		}
	}
	// With 32-bit addressing everything is in reach, and must stay 32-bit addressing: bit strings begin at their operand.
	if in.Base == amd64.RIP && !seg && (in.ASize == 4 || t.reaches(t.absolute(in))) {
		a.raw(in.code)
		at := a.pos - int(in.Len) + int(in.DispOff)
		putLE32(a.buf[at:], uint32(t.absolute(in)-a.addr()))
		return
	}
	if in.Row.Attr&vsib != 0 && in.ASize == 4 {
		t.unsupported(in, errVSIB32)
		return
	}
	m, reg := t.operand(in, 0)
	em := amd64.Mem{Base: m.base, Index: m.index, Scale: m.scale, Disp: m.disp}
	if m.base == atRIP {
		em = amd64.Mem{Base: amd64.NoReg, Index: amd64.NoReg, Scale: 1, Disp: int32(m.target)}
	}
	out, err := amd64.ReplaceMemOperand(t.enc[:0], in.code, &in.Inst, em)
	if err != nil {
		t.unsupported(in, err)
		return
	}
	a.raw(out)
	if reg >= 0 {
		a.load(uint8(reg), spill(0))
	}
}

// prefetchShadow asks for the shadow of what the prefetch in asks for: both will be looked at, and neither is in the cache.
func (t *Translator) prefetchShadow(in *inst) {
	const group16, groupP = 0x18, 0x0d // 0f 18, 0f 0d; other rows with APrefetch take lines out of the cache or fetch code
	if in.Row.Attr&amd64.APrefetch == 0 || !t.cfg.Shadow || t.ver == verStep || in.Op != group16 && in.Op != groupP || in.Op == group16 && in.ModRM>>3&7 > 3 {
		return
	}
	if out, err := amd64.SetSegPrefix(t.enc[:0], in.code, &in.Inst, amd64.SegGS); err == nil {
		t.hot.raw(out)
	}
}

func (t *Translator) unsupported(in *inst, err error) {
	if t.cfg.Warn != nil {
		t.cfg.Warn("instruction %x at %#x cannot be relocated (%v): it raises SIGILL", in.code, in.pc, err)
	}
	t.hot.b2(0x0f, 0x0b)
}

// copyLEA copies a rip-relative lea: the guest address, whatever the distance.
func (t *Translator) copyLEA(in *inst) {
	x := t.absolute(in)
	r := in.ModRM>>3&7 | in.Rex<<1&8
	a := &t.hot
	switch in.OpSize {
	case 2:
		a.b1(0x66)
		if r >= 8 {
			a.b1(0x41)
		}
		a.bytes(0xb8|r&7, byte(x), byte(x>>8))
	case 4:
		a.movImm(r, x&math.MaxUint32)
	default:
		a.movImm(r, x)
	}
}

// implicitSeg reports whether a segment prefix changes an implicit memory operand: movs, cmps, lods, outs, xlat, maskmov.
func (t *Translator) implicitSeg(in *inst) bool {
	t.acc = in.MemAccesses(t.acc)
	for i := range t.acc {
		switch t.acc[i].Addr {
		case amd64.AddrRSI, amd64.AddrXlat, amd64.AddrRDI, amd64.AddrRAX:
			return true
		}
	}
	return false
}

// copyString copies an instruction whose implicit operand has an fs or gs prefix. With fs the prefix becomes gs where GS is
// the guest's FS base; the other cases occur in no compiler's output and are refused.
func (t *Translator) copyString(in *inst) {
	if in.Seg == amd64.SegFS && !t.cfg.Shadow {
		if out, err := amd64.SetSegPrefix(t.enc[:0], in.code, &in.Inst, amd64.SegGS); err == nil {
			t.hot.raw(out)
			return
		}
	}
	t.unsupported(in, errSegString)
}
