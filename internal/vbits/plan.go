package vbits

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// numPlans is the number of plans that a Machine keeps; a power of two. Loops that run exactly are short.
const numPlans = 128

// plan is what the rules want to know of an instruction and that does not depend on the state. Machines keep plans of recent
// instructions: making one takes longer than following it.
type plan struct {
	in      amd64.Inst
	ops     []amd64.Operand
	accs    []amd64.Access
	effects isa.Effects
	rule    rule
	// addr are the general registers of addresses, one bit each.
	addr uint16

	opBuf  [10]amd64.Operand
	accBuf [3]amd64.Access
}

// planOf finds or makes the plan of in.
func (m *Machine) planOf(in *amd64.Inst) *plan {
	if m.plans == nil {
		m.plans = new([numPlans]plan)
	}
	// Bits that differ between instructions: operands and immediates.
	h := uint32(in.Op) ^ uint32(in.ModRM)<<3 ^ uint32(in.Rex)<<5 ^ uint32(in.Disp)<<1 ^ uint32(in.Imm)<<2 ^ uint32(in.SIB)<<1 ^
		uint32(in.VVVV)<<4 ^ uint32(in.OpSize) ^ uint32(in.Map)<<2
	p := &m.plans[(h*0x9e3779b1)>>25&(numPlans-1)]
	if p.in != *in {
		p.make(in)
	}
	return p
}

func (p *plan) make(in *amd64.Inst) {
	p.in = *in
	p.ops = in.Operands(p.opBuf[:0])
	p.accs = in.MemAccesses(p.accBuf[:0])
	p.effects = in.Effects()
	p.rule = rules[in.Row.Sem]
	p.addr = 0
	for i := range p.accs {
		p.addr |= addressRegs(in, &p.accs[i])
	}
}

// addressRegs are the general registers that access a of in is addressed with.
func addressRegs(in *amd64.Inst, a *amd64.Access) (s uint16) {
	reg := func(n uint8) {
		if n < 16 {
			s |= 1 << n
		}
	}
	switch a.Addr {
	case amd64.AddrModRM:
		reg(in.Base)
		reg(in.Index)
	case amd64.AddrVSIB:
		reg(in.Base) // the indices are the rule's, which knows the mask
	case amd64.AddrRSI:
		reg(guest.RSI)
	case amd64.AddrRDI:
		reg(guest.RDI)
	case amd64.AddrRAX:
		reg(guest.RAX)
	case amd64.AddrXlat:
		reg(guest.RBX)
		reg(guest.RAX)
	case amd64.AddrRBP:
		reg(guest.RBP)
	case amd64.AddrPush, amd64.AddrPop:
		reg(guest.RSP)
	case amd64.AddrReg:
		reg(a.Reg)
	}
	return s
}
