package signal

import (
	"syscall"

	"gogrind/internal/guest"
)

// Results that a system call inside the kernel has when a signal interrupts it (linux/errno.h). A program never sees
// them: delivering the signal turns them into EINTR or makes the call again.
const (
	ERESTARTSYS           = 512 // again if the handler has SA_RESTART or there is no handler
	ERESTARTNOINTR        = 513 // always again
	ERESTARTNOHAND        = 514 // again if there is no handler
	ERESTART_RESTARTBLOCK = 516 // as ERESTARTNOHAND, with the rest of the timeout
)

// We do not see these either. With our own handlers installed with SA_RESTART, the kernel shows them so:
//
//	the stub finds the call about to be made again   -ERESTARTSYS (or NOINTR, which few rare calls have)
//	the stub finds the call not yet made             no result: go back to the guest's syscall instruction
//	the stub sees -EINTR                             Interrupted(nr)
//
// The first two differ in rcx, which the syscall instruction sets: a stub that clears it before can tell.

// Unit is how a system call is given a timeout.
type Unit uint8

const (
	NoTimeout Unit = iota
	Millis         // int, negative: none
	Timespec       // address of a timespec, 0: none
	Updated        // in memory, but the kernel itself stores what is left there
)

// Interruption says what a system call does when a signal comes, if it does not simply begin again under SA_RESTART.
type Interruption struct {
	Result  int64 // what -EINTR from the kernel stands for
	Timeout int   // index of the argument that says how long to wait
	Unit    Unit
}

// Numbers that package syscall does not have (arch/x86/entry/syscalls/syscall_64.tbl).
const (
	sysIoPgetevents = 333
	sysEpollPwait2  = 441
)

// interruptions has a row for each call that can end with EINTR under SA_RESTART. Sources: signal(7), and the results
// named in fs/select.c, fs/eventpoll.c, kernel/time, kernel/futex, kernel/signal.c, ipc, fs/aio.c. Calls on sockets
// with SO_RCVTIMEO or SO_SNDTIMEO and io_uring_enter end with a plain EINTR, as does whatever has no row.
var interruptions = map[uint64]Interruption{
	syscall.SYS_PAUSE:           {Result: -ERESTARTNOHAND},
	syscall.SYS_RT_SIGSUSPEND:   {Result: -ERESTARTNOHAND},
	syscall.SYS_POLL:            {-ERESTART_RESTARTBLOCK, 2, Millis},
	syscall.SYS_PPOLL:           {-ERESTARTNOHAND, 2, Updated},
	syscall.SYS_SELECT:          {-ERESTARTNOHAND, 4, Updated},
	syscall.SYS_PSELECT6:        {-ERESTARTNOHAND, 4, Updated},
	syscall.SYS_NANOSLEEP:       {-ERESTART_RESTARTBLOCK, 0, Timespec},
	syscall.SYS_CLOCK_NANOSLEEP: {-ERESTART_RESTARTBLOCK, 2, Timespec}, // unless absolute: arguments stay right
	syscall.SYS_FUTEX:           {-ERESTART_RESTARTBLOCK, 3, Timespec}, // FUTEX_WAIT; other operations are absolute
	syscall.SYS_MSGRCV:          {Result: -ERESTARTNOHAND},
	syscall.SYS_MSGSND:          {Result: -ERESTARTNOHAND},
	sysIoPgetevents:             {-ERESTARTNOHAND, 4, Timespec},
	syscall.SYS_IO_GETEVENTS:    {-int64(syscall.EINTR), 4, Timespec},
	syscall.SYS_EPOLL_WAIT:      {-int64(syscall.EINTR), 3, Millis},
	syscall.SYS_EPOLL_PWAIT:     {-int64(syscall.EINTR), 3, Millis},
	sysEpollPwait2:              {-int64(syscall.EINTR), 3, Timespec},
	syscall.SYS_SEMOP:           {Result: -int64(syscall.EINTR)},
	syscall.SYS_SEMTIMEDOP:      {-int64(syscall.EINTR), 3, Timespec},
	syscall.SYS_RT_SIGTIMEDWAIT: {-int64(syscall.EINTR), 2, Timespec},
}

// Interrupted is the row of call nr, for a call that ended with -EINTR. The timeout is for the caller that makes the
// call again: because Restart said so, or because the interruption was none of the guest's business.
func Interrupted(nr uint64) Interruption {
	if r, ok := interruptions[nr]; ok {
		return r
	}
	return Interruption{Result: -int64(syscall.EINTR)}
}

// Restart finishes system call nr, whose result is one of the above or final, before act (nil: no handler will run) is
// delivered. regs.RIP is behind the syscall instruction. It reports whether the call is to be made again: then RIP is
// at the instruction and rax holds the number, so that the call is made when the handler returns.
func Restart(result int64, act *Action, regs *guest.Regs, nr uint64) bool {
	again := false
	handler := act != nil && act.Kind == Handle
	switch result {
	case -ERESTARTNOINTR:
		again = true
	case -ERESTARTSYS:
		again = !handler || act.Flags&SA_RESTART != 0
	case -ERESTARTNOHAND, -ERESTART_RESTARTBLOCK:
		again = !handler
	default:
		regs.GPR[guest.RAX] = uint64(result)
		return false
	}
	if again {
		regs.GPR[guest.RAX] = nr
		regs.RIP -= 2 // length of syscall
		return true
	}
	interrupted := -int64(syscall.EINTR)
	regs.GPR[guest.RAX] = uint64(interrupted)
	return false
}
