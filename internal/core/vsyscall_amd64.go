package core

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/aspace"
	"gogrind/internal/core/redir"
	"gogrind/internal/guest"
)

// vsyscalls are the functions that the kernel has at fixed addresses, behind all that a guest may map: old static programs call them.
// It does them when an address there is executed, which translated code never does.
var vsyscalls = []struct {
	at     guest.Addr
	name   string
	number uint32
}{
	{0xffffffffff600000, "gettimeofday", unix.SYS_GETTIMEOFDAY},
	{0xffffffffff600400, "time", unix.SYS_TIME},
	{0xffffffffff600800, "getcpu", unix.SYS_GETCPU},
}

// makeVsyscalls puts system calls of the guest's own in the place of vsyscalls.
func (p *Process) makeVsyscalls() error {
	r, err := p.space.MapTool(guest.PageSize, aspace.High)
	if err != nil {
		return fmt.Errorf("code for the vsyscall page: %w", err)
	}
	var code []byte
	for _, v := range vsyscalls {
		to := r.Start + guest.Addr(len(code))
		code = binary.LittleEndian.AppendUint32(append(code, 0xb8), v.number) // mov $number, %eax
		code = append(code, 0x0f, 0x05, 0xc3)                                 // syscall; ret
		p.redir.Add(v.at, &redir.Spec{Symbol: v.name, To: to})
	}
	copy(guest.Bytes(r.Start, len(code)), code)
	if err := p.space.Mprotect(r.Start, r.Len(), unix.PROT_READ|unix.PROT_EXEC); err != nil {
		return fmt.Errorf("code for the vsyscall page: %w", err)
	}
	return nil
}
