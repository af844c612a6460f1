package jit

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// passed knows which memory operands have passed a check on the only way that leads to where the trace under way has come, so that the
// same bytes are not checked again. An instruction whose check fails is stepped if others rely on it, and what follows is other code, which
// starts with its own checks. So behind it in the trace the bytes are defined, until memory is released, other code runs, or
// something copies undefined bytes. Operands on the stack are known by frame, as are those that have been stored to.
type passed struct {
	n, turn int
	list    [passedMax]operand
}

// passedMax bounds what is remembered; the oldest are forgotten first.
const passedMax = 8

// operand is bytes [from, to) from where the registers of an address lead.
type operand struct {
	base, index, scale uint8
	a32                bool
	from, to           int64 // displacements, or addresses of a rip-relative operand
	by                 int   // instruction that has checked them
}

func (p *passed) forget() { p.n, p.turn = 0, 0 }

// sameRegs reports whether o and p are computed from the same registers.
func (o *operand) sameRegs(p *operand) bool {
	return o.base == p.base && o.index == p.index && o.scale == p.scale && o.a32 == p.a32
}

// add remembers o.
func (p *passed) add(o operand) {
	if p.n < passedMax {
		p.list[p.n] = o
		p.n++
		return
	}
	p.list[p.turn] = o
	p.turn = (p.turn + 1) % passedMax
}

// has is the instruction that has checked all of o, -1 if none is known.
func (p *passed) has(o *operand) int {
	for i := range p.list[:p.n] {
		if q := &p.list[i]; q.from <= o.from && o.to <= q.to && q.sameRegs(o) {
			return q.by
		}
	}
	return -1
}

// pass follows what instruction in does to the registers of operands.
func (p *passed) pass(in *inst) {
	kept, writes := 0, uint32(in.gprs)
	if p.n == 0 || writes == 0 {
		return
	}
	for i := range p.list[:p.n] {
		if q := &p.list[i]; writes>>q.base&1 == 0 && writes>>q.index&1 == 0 {
			p.list[kept] = *q
			kept++
		}
	}
	if kept != p.n {
		p.n, p.turn = kept, 0
	}
}

// operandOf is what access acc of in, checked as m by instruction i, is remembered as; ok is false for an access that may not be made,
// or not as a whole.
func operandOf(in *inst, acc *amd64.Access, m *mem, i int) (o operand, ok bool) {
	if acc.Cond || acc.Elem != 0 || m.base == guest.RSP {
		return o, false
	}
	o = operand{base: m.base, index: m.index, scale: m.scale, a32: m.a32, from: int64(m.disp), by: i}
	if m.base == atRIP {
		o.from = int64(m.target)
	}
	o.to = o.from + int64(acc.Size)
	return o, true
}

// widest is the size of the widest comparison, in bytes.
const widest = 8

// widenReach is how many instructions behind a load widen looks at.
const widenReach = 8

// widen makes o, which the load acc of instruction i reads, the bytes as well that loads right behind it read beside it by the same
// registers, and returns how many there are: 2, 4 or 8, which one comparison can do for; 0 if there are no others, or flags are live. If
// the comparison fails, the code is left for that of verApart, where each is checked by itself: neighbours need not be defined as long as
// nobody has come to them.
func (t *Translator) widen(o *operand, i int, acc *amd64.Access) int {
	tr := &t.tr
	in := &tr.insts[i]
	if in.live != 0 || acc.Kind != isa.Load || o.to-o.from >= widest {
		return 0
	}
	from, to, used := o.from, o.to, uint32(1<<guest.RSP)
	if o.base < atRIP {
		used |= 1 << o.base
	}
	if o.index < atRIP {
		used |= 1 << o.index
	}
	for k := i + 1; k < tr.n && k <= i+widenReach; k++ {
		if in.flow != flowNext || uint32(in.gprs)&used != 0 || t.trusted(in) || in.repeats() {
			break
		}
		if in = &tr.insts[k]; in.joined {
			break
		}
		for j := range t.block.Insts[k].Mem {
			b := &t.block.Insts[k].Mem[j]
			m, ok := t.hostOperand(in)
			if !ok || b.Kind != isa.Load || b.Addr != amd64.AddrModRM || b.Size == 0 || b.Outside {
				continue
			}
			if p, ok := operandOf(in, b, &m, k); ok && p.sameRegs(o) && max(to, p.to)-min(from, p.from) <= widest {
				from, to = min(from, p.from), max(to, p.to)
			}
		}
	}
	n := int(to - from)
	if n == int(o.to-o.from) || n&(n-1) != 0 {
		return 0
	}
	o.from, o.to = from, to
	return n
}

// checkWide emits the comparison of the n shadow bytes of o, whose registers m has, in front of instruction i.
func (t *Translator) checkWide(i int, m mem, o *operand, n int) {
	m.seg = segGS
	if m.base == atRIP {
		m.target = uint64(o.from)
	} else {
		m.disp = int32(o.from)
	}
	t.recoverable()
	t.hot.compare(m, n, 0)
	e := t.outerExit(ccNE, t.tr.insts[i].pc)
	t.exits.at(e).ver = verApart
	c := &t.tr.colds[len(t.tr.colds)-1]
	c.kind, c.recover = coldApart, t.recover.n-1
}
