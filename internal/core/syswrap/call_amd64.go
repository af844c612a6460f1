package syswrap

import "gogrind/internal/guest"

// callOf takes number and arguments of a system call from the registers: the amd64 convention of the kernel's
// arch/x86/entry/entry_64.S. The number is the lower half of RAX, sign-extended.
func callOf(r *guest.Regs) (nr int, args [6]uint64) {
	return int(int32(r.GPR[guest.RAX])), [6]uint64{
		r.GPR[guest.RDI], r.GPR[guest.RSI], r.GPR[guest.RDX],
		r.GPR[guest.R10], r.GPR[guest.R8], r.GPR[guest.R9],
	}
}
