package amd64

// Address is the linear address of the instruction's ModRM or moffs operand. gpr are the general registers in ModRM's numbering, pc
// is the address of the instruction itself, fsBase and gsBase are the segment bases. A pop's operand that is addressed with rsp is
// computed with the value given, not the one after the pop.
func (in *Inst) Address(gpr *[16]uint64, pc, fsBase, gsBase uint64) uint64 {
	x := uint64(in.Disp)
	switch {
	case in.Base == RIP:
		x += pc + uint64(in.Len)
	case in.Base != NoReg:
		x += gpr[in.Base]
	}
	if in.Index != NoReg {
		x += gpr[in.Index] * uint64(in.Scale)
	}
	if in.ASize == 4 {
		x &= 0xffffffff
	}
	switch in.Seg {
	case SegFS:
		x += fsBase
	case SegGS:
		x += gsBase
	}
	return x
}
