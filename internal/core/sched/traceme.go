package sched

import "golang.org/x/sys/unix"

// TraceMe notes that the calling thread has asked to be traced by its parent. The kernel is told so where the guest has reason to
// expect that it stops: when it executes a program, or sends itself a signal. From then on every signal stops the thread for its
// tracer, also the faults and traps that translated code makes on purpose, and a parent that waits in vfork would never let it go
// on. What debuggers start their programs with is a request and an exec, with nothing but our own signals in between.
func (s *Scheduler) TraceMe() int64 {
	s.traceMe.Store(true)
	return 0
}

// beTraced makes good on what TraceMe has put off.
func (s *Scheduler) beTraced() {
	if s.traceMe.CompareAndSwap(true, false) {
		unix.RawSyscall(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0)
	}
}

// signalsItself reports whether the call sends a signal to the process or one of its threads.
func signalsItself(nr uintptr, a *[6]uint64) bool {
	switch nr {
	case unix.SYS_KILL, unix.SYS_TGKILL, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO:
		return int(int32(a[0])) == unix.Getpid()
	case unix.SYS_TKILL:
		return true
	}
	return false
}
