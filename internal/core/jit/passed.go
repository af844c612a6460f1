package jit

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// passed knows which memory operands have passed a check on the only way that leads to where the trace under way has come, so that the
// same bytes are not checked again. An instruction whose check fails is stepped if others rely on it, and what follows is other code, which
// starts with its own checks: so behind it in the trace the bytes are defined, until memory is released, other code runs, or
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
		if q := &p.list[i]; q.from <= o.from && o.to <= q.to && q.base == o.base && q.index == o.index && q.scale == o.scale && q.a32 == o.a32 {
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
