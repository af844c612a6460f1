package signal

import (
	"syscall"
	"testing"

	"gogrind/internal/guest"
)

func TestRestart(t *testing.T) {
	with := &Action{Handle, Disposition{Flags: SA_RESTART}}
	without := &Action{Handle, Disposition{}}
	stop := &Action{Kind: Stop}
	const nr = 7
	eintr := -int64(syscall.EINTR)
	for _, c := range []struct {
		name   string
		result int64
		act    *Action
		again  bool
		rax    int64
	}{
		{"done", 12, without, false, 12},
		{"plain EINTR", eintr, with, false, eintr},
		{"read, SA_RESTART", -ERESTARTSYS, with, true, nr},
		{"read", -ERESTARTSYS, without, false, eintr},
		{"read, nothing to handle", -ERESTARTSYS, nil, true, nr},
		{"read, stopped", -ERESTARTSYS, stop, true, nr},
		{"always", -ERESTARTNOINTR, without, true, nr},
		{"pause, SA_RESTART", -ERESTARTNOHAND, with, false, eintr},
		{"pause, nothing to handle", -ERESTARTNOHAND, nil, true, nr},
		{"sleep, SA_RESTART", -ERESTART_RESTARTBLOCK, with, false, eintr},
		{"sleep, nothing to handle", -ERESTART_RESTARTBLOCK, nil, true, nr},
	} {
		regs := guest.Regs{RIP: 0x1002}
		again := Restart(c.result, c.act, &regs, nr)
		wantRIP := uint64(0x1002)
		if c.again {
			wantRIP = 0x1000
		}
		if again != c.again || int64(regs.GPR[guest.RAX]) != c.rax || regs.RIP != wantRIP {
			t.Errorf("%s: again %v, rax %d, rip %#x", c.name, again, int64(regs.GPR[guest.RAX]), regs.RIP)
		}
	}
}

// signal(7), "Interruption of system calls and library functions by signal handlers": these fail with EINTR whatever
// SA_RESTART says.
func TestInterruptedTable(t *testing.T) {
	for _, nr := range []uint64{syscall.SYS_PAUSE, syscall.SYS_RT_SIGSUSPEND, syscall.SYS_RT_SIGTIMEDWAIT,
		syscall.SYS_EPOLL_WAIT, syscall.SYS_EPOLL_PWAIT, syscall.SYS_POLL, syscall.SYS_PPOLL, syscall.SYS_SELECT,
		syscall.SYS_PSELECT6, syscall.SYS_MSGRCV, syscall.SYS_MSGSND, syscall.SYS_SEMOP, syscall.SYS_SEMTIMEDOP,
		syscall.SYS_CLOCK_NANOSLEEP, syscall.SYS_NANOSLEEP, syscall.SYS_IO_GETEVENTS} {
		if _, ok := interruptions[nr]; !ok {
			t.Errorf("call %d has no row", nr)
		}
		regs := guest.Regs{RIP: 2}
		if Restart(Interrupted(nr).Result, &Action{Handle, Disposition{Flags: SA_RESTART}}, &regs, nr) {
			t.Errorf("call %d is made again after a handler", nr)
		}
	}
	if r := Interrupted(syscall.SYS_READ); r != (Interruption{Result: -int64(syscall.EINTR)}) {
		t.Errorf("read: %+v", r)
	}
}
