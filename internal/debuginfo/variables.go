package debuginfo

import (
	"gogrind/internal/debuginfo/dwarf"
	"gogrind/internal/guest"
)

// Variable is what is known about an address inside a variable.
type Variable = dwarf.Variable

// Registers are a frame of the guest that variables are looked for in.
type Registers = dwarf.Registers

// Global finds the variable of an object whose memory holds a. The first call for an object reads all its variables.
func (s *Space) Global(a guest.Addr) (v Variable, ok bool) {
	o := s.Object(a)
	if o == nil {
		return v, false
	}
	d := o.dwarf()
	if d == nil {
		return v, false
	}
	return d.Global(o.Linked(a))
}

// Local finds the variable of the functions active at pc, with the frame regs, whose memory holds a.
func (s *Space) Local(pc, a guest.Addr, regs Registers) (v Variable, ok bool) {
	o := s.Object(pc)
	if o == nil {
		return v, false
	}
	d := o.dwarf()
	if d == nil {
		return v, false
	}
	return d.Local(o.Linked(pc), o.Bias, uint64(a), regs)
}
