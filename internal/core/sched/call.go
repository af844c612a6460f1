package sched

import (
	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// callReturn is where functions that CallGuest runs return to: below guest.MinAddr, where nothing is ever mapped.
const callReturn guest.Addr = 0x1000

// CallReturn is the address that redirection must send to Returned.
const CallReturn = callReturn

// CallGuest runs the guest function fn with integer arguments on t's stack, below what is in use, and returns its rax. All of
// t's own state is as before when it is back. It is called on t's OS thread, with t outside guest code.
func (t *Thread) CallGuest(fn guest.Addr, args []uint64) uint64 {
	c := t.ctx
	saved, resume, inCall, call := c.Regs, t.resume, t.inCall, t.syscall
	vec := append([]byte(nil), t.XSave()...)
	sp := (guest.Addr(c.Regs.GPR[guest.RSP])-256)&^63 - 8
	back := []byte{0, uint8(callReturn >> 8), 0, 0, 0, 0, 0, 0}
	if !t.Store(back, sp) {
		return 0
	}
	for i, r := range []int{guest.RDI, guest.RSI, guest.RDX, guest.RCX, guest.R8, guest.R9} {
		if i < len(args) {
			c.Regs.GPR[r] = args[i]
		}
	}
	c.Regs.GPR[guest.RAX] = 0
	c.Regs.GPR[guest.RSP] = uint64(sp)
	c.Regs.RIP = uint64(fn)
	t.moved(saved.GPR[guest.RSP])
	t.Store(back, sp) // once more: the move has made it undefined
	t.resume, t.inCall = 0, false
	t.ctx.RedZone = 0
	t.pushExact(sp)
	t.calls++
	level := t.calls
	for !t.over() && t.calls >= level {
		host, ok := t.next()
		if !ok {
			continue
		}
		c.Run(host)
		t.exit()
	}
	res := c.Regs.GPR[guest.RAX]
	end := c.Regs.GPR[guest.RSP]
	c.Regs, t.resume, t.inCall, t.syscall = saved, resume, inCall, call
	t.moved(end)
	copy(t.XSave(), vec)
	t.popExact(sp)
	return res
}

// CallSilent is CallGuest for a function that must not do more than free memory: what it writes to files is thrown away.
func (t *Thread) CallSilent(fn guest.Addr, args []uint64) uint64 {
	t.silent = true
	defer func() { t.silent = false }()
	return t.CallGuest(fn, args)
}

// unwritten is the result of a system call that is not made for a silent thread; ok is false for calls that are made.
// glibc's __libc_freeres flushes streams, also after _exit, and takes back what was read too much.
func (t *Thread) unwritten(nr uint64) (result uint64, ok bool) {
	arg := &t.ctx.Regs.GPR
	switch nr {
	case unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_SENDTO:
		return arg[guest.RDX], true
	case unix.SYS_WRITEV, unix.SYS_PWRITEV, unix.SYS_PWRITEV2:
		var n uint64
		for i := range arg[guest.RDX] {
			var iov [16]byte // base, length
			if t.s.cfg.Space.ReadMem(iov[:], guest.Addr(arg[guest.RSI]+16*i)) < len(iov) {
				break
			}
			n += le64(iov[8:])
		}
		return n, true
	case unix.SYS_LSEEK:
		return ^uint64(unix.ESPIPE) + 1, true
	}
	return 0, false
}

// Returned is the hook at CallReturn.
func Returned(t *Thread) (uint64, bool) {
	t.calls--
	return 0, false
}

// Kill ends the process by SIGKILL, with the tool's results written.
func (s *Scheduler) Kill(t *Thread) { s.exit(t, tool.Exit{Signal: int(unix.SIGKILL)}) }

// End ends the process with the given status.
func (s *Scheduler) End(t *Thread, status int) { s.exit(t, tool.Exit{Status: status}) }
