package amd64

// Address is the linear address of the instruction's ModRM or moffs operand. gpr are the general registers in ModRM's numbering, pc
// is the address of the instruction itself, fsBase and gsBase are the segment bases.
func (in *Inst) Address(gpr *[16]uint64, pc, fsBase, gsBase uint64) uint64 {
	x := uint64(in.Disp)
	switch {
	case in.Base == RIP:
		x += pc + uint64(in.Len)
	case in.Base != NoReg:
		x += gpr[in.Base] + in.BeforePop()
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

// BeforePop is how far the stack pointer moves before a pop's operand in memory is addressed relative to it (Intel SDM, POP), in bytes;
// 0 for other instructions.
func (in *Inst) BeforePop() uint64 {
	const rsp = 4
	if in.Space != SpLegacy || in.Map != 0 || in.Op != 0x8f || !in.HasMem || in.Base != rsp {
		return 0
	}
	return uint64(in.OpSize)
}
