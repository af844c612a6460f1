package syswrap

import "gogrind/internal/guest"

// setCall puts a system call into registers.
func setCall(r *guest.Regs, nr int, args []uint64) {
	*r = guest.Regs{FSBase: r.FSBase, GSBase: r.GSBase}
	r.GPR[guest.RAX] = uint64(nr)
	for i, a := range args {
		r.GPR[[]int{guest.RDI, guest.RSI, guest.RDX, guest.R10, guest.R8, guest.R9}[i]] = a
	}
}
