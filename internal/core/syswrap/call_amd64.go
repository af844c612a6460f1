package syswrap

import (
	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// callOf takes number and arguments of a system call from the registers: the amd64 convention of the kernel's
// arch/x86/entry/entry_64.S. The number is the lower half of RAX, sign-extended.
func callOf(r *guest.Regs) (nr int, args [6]uint64) {
	return int(int32(r.GPR[guest.RAX])), [6]uint64{
		r.GPR[guest.RDI], r.GPR[guest.RSI], r.GPR[guest.RDX],
		r.GPR[guest.R10], r.GPR[guest.R8], r.GPR[guest.R9],
	}
}

// Positions of clone's arguments that other architectures have in another order.
const (
	cloneChildTID = 3
	cloneTLS      = 4
)

// cloneParams are clone's parameters. What the scheduler will write is marked as written already: should the clone fail,
// the tool misses that the memory is as it was.
var cloneParams = A{
	Addr("flags"), Addr("child_stack"),
	Out("parent_tidptr", N(4)).When(when(0, unix.CLONE_PARENT_SETTID|unix.CLONE_PIDFD)),
	Out("child_tidptr", N(4)).When(when(0, unix.CLONE_CHILD_SETTID|unix.CLONE_CHILD_CLEARTID)),
	Addr("tlsinfo").When(when(0, unix.CLONE_SETTLS)),
}
