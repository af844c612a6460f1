package corefile

import (
	"debug/elf"
	"encoding/binary"

	"gogrind/internal/guest"
)

const machine = elf.EM_X86_64

// xcr0Offset is where the kernel puts XCR0 in the XSAVE area of a core file: in the bytes left to software (asm/user.h,
// USER_XSTATE_XCR0_WORD).
const xcr0Offset = 464

// prStatus is struct elf_prstatus: signal and process ids, then struct user_regs_struct at 112.
func (c *Core) prStatus(t *Thread) []byte {
	const (
		regs      = 112
		size      = 336
		userCS    = 0x33 // what the kernel runs 64-bit programs with (asm/segment.h)
		userSS    = 0x2b
		noSyscall = ^uint64(0) // orig_rax outside of a call
	)
	put := binary.LittleEndian
	b := make([]byte, size)
	put.PutUint32(b[0:], uint32(c.Signal))
	put.PutUint16(b[12:], uint16(c.Signal))
	for i, v := range []int{t.TID, c.Parent, c.Group, c.Session} {
		put.PutUint32(b[32+4*i:], uint32(v))
	}
	g := &t.Regs.GPR
	for i, v := range []uint64{g[15], g[14], g[13], g[12], g[guest.RBP], g[guest.RBX], g[11], g[10], g[9], g[8], g[guest.RAX],
		g[guest.RCX], g[guest.RDX], g[guest.RSI], g[guest.RDI], noSyscall, t.Regs.RIP, userCS, t.Regs.RFlags, g[guest.RSP], userSS,
		t.Regs.FSBase, t.Regs.GSBase, 0, 0, 0, 0} {
		put.PutUint64(b[regs+8*i:], v)
	}
	if t.FP != nil {
		b[size-8] = 1 // pr_fpvalid
	}
	return b
}
