package syswrap

import (
	"sync"

	"gogrind/internal/linux"

	"golang.org/x/sys/unix"
)

// archPrctlRow: the segment bases are the guest's registers, not the processor's, which hold our own.
func archPrctlRow(c *Call) *subRow {
	const (
		setGS = 0x1001 // arch/x86/include/uapi/asm/prctl.h
		setFS = 0x1002
		getFS = 0x1003
		getGS = 0x1004
		cpuid = 0x1011 // ARCH_GET_CPUID
	)
	r := c.t.Regs()
	base := &r.FSBase
	if c.Args[0] == setGS || c.Args[0] == getGS {
		base = &r.GSBase
	}
	switch uint32(c.Args[0]) {
	case setFS, setGS:
		return &subRow{name: "SET", args: at(1, Addr("arg2")), do: func(c *Call) int64 {
			if c.Args[1] >= 1<<47-4096 {
				return errno(unix.EPERM)
			}
			*base = c.Args[1]
			return 0
		}}
	case getFS, getGS:
		return &subRow{name: "GET", args: at(1, Out("arg2", N(8)).Mem("addr")), do: func(c *Call) int64 {
			var b [8]byte
			put64(b[:], *base)
			if !c.store(c.Args[1], b[:]) {
				return errno(unix.EFAULT)
			}
			return 0
		}}
	case cpuid:
		return &subRow{name: "CPUID"}
	}
	// Shadow stacks, tagged addresses, AMX permission: answered as by a kernel or processor without them.
	return &subRow{name: "other", args: at(1, Addr("arg2")), do: func(c *Call) int64 { return errno(unix.EINVAL) }}
}

// futexRows are the operations of futex, by number: which arguments count, and what the word's address is used for.
// Names are Valgrind's, which calls the second count utime; numbers: include/uapi/linux/futex.h.
var futexRows = sync.OnceValue(func() []*subRow {
	val, val2, val3 := Int("val"), Int("utime"), Int("val3")
	timeout := In("utime", N(linux.SizeofTimespec)).Opt().Mem("timeout")
	word, modify := In("futex", N(4)), InOut("futex", N(4))
	second, modify2 := In("uaddr2", N(4)).Mem("futex2"), InOut("uaddr2", N(4)).Mem("futex2")
	var rows []*subRow
	for _, args := range []A{
		0:  {word, skip(), val, timeout},               // WAIT
		1:  {word, skip(), val},                        // WAKE
		2:  {word, skip(), val},                        // FD
		3:  {word, skip(), val, val2, second},          // REQUEUE
		4:  {word, skip(), val, val2, second, val3},    // CMP_REQUEUE
		5:  {word, skip(), val, val2, modify2, val3},   // WAKE_OP
		6:  {modify, skip(), val, timeout},             // LOCK_PI
		7:  {modify},                                   // UNLOCK_PI
		8:  {modify},                                   // TRYLOCK_PI
		9:  {word, skip(), val, timeout, skip(), val3}, // WAIT_BITSET
		10: {word, skip(), val, skip(), skip(), val3},  // WAKE_BITSET
		11: {word, skip(), val, timeout, modify2},      // WAIT_REQUEUE_PI
		12: {word, skip(), val, val2, second, val3},    // CMP_REQUEUE_PI
		13: {modify, skip(), val, timeout},             // LOCK_PI2
	} {
		rows = append(rows, &subRow{name: "futex", args: named("futex", args)})
	}
	return rows
})

func futexRow(c *Call) *subRow {
	const private, clock = 128, 256
	op := uint32(c.Args[1]) &^ (private | clock)
	if int(op) >= len(futexRows()) {
		return nil // ENOSYS
	}
	return futexRows()[op]
}

// refuseStrict is what a kernel without strict mode answers: it would end the tool at its next call.
func refuseStrict(c *Call) int64 {
	c.e.warn("strict", "the guest asks for strict seccomp mode, which would end gogrind too: refused")
	return errno(unix.EINVAL)
}

// fcntlRow: commands of include/uapi/linux/fcntl.h and asm-generic/fcntl.h.
func fcntlRow(c *Call) *subRow {
	lock := In("lock", N(linux.SizeofFlock)).Fields(F("->l_type", 0, 2), F("->l_whence", 2, 2), F("->l_start", 8, 8),
		F("->l_len", 16, 8))
	switch uint32(c.Args[1]) {
	case unix.F_DUPFD:
		return &subRow{name: "F_DUPFD", args: at(2, Int("arg")), newFD: true, do: dupFrom}
	case unix.F_DUPFD_CLOEXEC:
		return &subRow{name: "F_DUPFD_CLOEXEC", args: at(2, Int("arg")), newFD: true, do: dupFrom}
	case unix.F_SETLK, unix.F_SETLKW:
		return &subRow{name: "F_SETLK", args: at(2, lock)}
	case unix.F_OFD_SETLK, unix.F_OFD_SETLKW:
		lock.fields = append(lock.fields, F("->l_pid", 24, 4))
		return &subRow{name: "F_OFD_SETLK", args: at(2, lock)}
	case unix.F_GETLK, unix.F_OFD_GETLK:
		lock.kind = kInOut
		return &subRow{name: "F_GETLK", args: at(2, lock), before: func(c *Call) {
			c.write(c.text("lock->l_pid"), c.Args[2]+24, 4)
		}}
	case unix.F_GETOWN_EX:
		return &subRow{name: "F_GETOWN_EX", args: at(2, Out("arg", N(linux.SizeofFOwnerEx)).Text("fcntl(F_GETOWN_EX)"))}
	case unix.F_SETOWN_EX:
		return &subRow{name: "F_SETOWN_EX", args: at(2, In("arg", N(linux.SizeofFOwnerEx)).Text("fcntl(F_SETOWN_EX)"))}
	case unix.F_GET_RW_HINT, unix.F_GET_FILE_RW_HINT:
		return &subRow{name: "F_GET_RW_HINT", args: at(2, Out("arg", N(8)))}
	case unix.F_SET_RW_HINT, unix.F_SET_FILE_RW_HINT:
		return &subRow{name: "F_SET_RW_HINT", args: at(2, In("arg", N(8)))}
	case unix.F_SETFD, unix.F_SETFL, unix.F_SETOWN, unix.F_SETSIG, unix.F_SETLEASE, unix.F_NOTIFY, unix.F_SETPIPE_SZ,
		unix.F_ADD_SEALS, unix.F_DUPFD_QUERY:
		return &subRow{name: "arg", args: at(2, Int("arg"))}
	}
	return nil // F_GETFD, F_GETFL, F_GETOWN, F_GETSIG, F_GETLEASE, F_GETPIPE_SZ, F_GET_SEALS, F_CREATED_QUERY: no argument
}

// dupFrom is F_DUPFD: the lowest descriptor asked for must be one the guest may have.
func dupFrom(c *Call) int64 {
	limit := c.e.noFile()
	if tool := uint64(c.e.cfg.FirstToolFD); tool > 0 {
		limit = min(limit, tool)
	}
	if c.Args[2] >= limit {
		return errno(unix.EINVAL)
	}
	return c.perform()
}

// threadName is the size of a string of which the kernel reads as much as a thread's name may have: it need not end there.
var threadName = Fn("string, at most 16", func(c *Call) uint64 {
	const most = 16 // TASK_COMM_LEN
	if s, ok := c.loadString(c.Args[1], most); ok {
		return uint64(len(s) + 1)
	}
	return most
})

// prctlRow: options of include/uapi/linux/prctl.h. Registers that an option does not use are not looked at.
func prctlRow(c *Call) *subRow {
	row := func(name string, args ...Param) *subRow { return &subRow{name: name, args: at(1, args...)} }
	out := func(name, register, what string) *subRow {
		return row(name, Out(register, N(4)).Text("prctl("+what+")"))
	}
	switch int(int32(c.Args[0])) {
	case unix.PR_SET_NAME:
		return row("PR_SET_NAME", In("name", threadName).Text("prctl(set-name)"))
	case unix.PR_GET_NAME:
		return row("PR_GET_NAME", Out("name", N(16)).Text("prctl(get-name)"))
	case unix.PR_SET_PDEATHSIG:
		return row("PR_SET_PDEATHSIG", Int("signal"))
	case unix.PR_GET_PDEATHSIG:
		return out("PR_GET_PDEATHSIG", "signal", "get-death-signal")
	case unix.PR_SET_DUMPABLE:
		return row("PR_SET_DUMPABLE", Int("dump"))
	case unix.PR_SET_KEEPCAPS:
		return row("PR_SET_KEEPCAPS", Int("keepcaps"))
	case unix.PR_SET_TIMING:
		return row("PR_SET_TIMING", Int("timing"))
	case unix.PR_SET_TSC, unix.PR_SET_SYSCALL_USER_DISPATCH:
		// Both would hit the tool's own code: it reads the time stamp counter and makes system calls.
		return &subRow{name: "refused", do: func(c *Call) int64 { return errno(unix.EINVAL) }}
	case unix.PR_SET_ENDIAN, unix.PR_SET_FPEMU, unix.PR_SET_FPEXC, unix.PR_SET_UNALIGN:
		return row("PR_SET", Int("value"))
	case unix.PR_GET_ENDIAN:
		return out("PR_GET_ENDIAN", "value", "get-endian")
	case unix.PR_GET_FPEMU:
		return out("PR_GET_FPEMU", "value", "get-fpemu")
	case unix.PR_GET_FPEXC:
		return out("PR_GET_FPEXC", "value", "get-fpexc")
	case unix.PR_GET_UNALIGN:
		return out("PR_GET_UNALIGN", "arg2", "get-unalign")
	case unix.PR_GET_TSC:
		return out("PR_GET_TSC", "arg2", "get-tsc")
	case unix.PR_GET_CHILD_SUBREAPER:
		return out("PR_GET_CHILD_SUBREAPER", "arg2", "get-child-subreaper")
	case unix.PR_GET_TID_ADDRESS:
		return row("PR_GET_TID_ADDRESS", Out("arg2", N(8)).Text("prctl(get-tid-address)"))
	case unix.PR_CAPBSET_READ, unix.PR_CAPBSET_DROP:
		return row("PR_CAPBSET", Int("capability"))
	case unix.PR_SET_PTRACER:
		return row("PR_SET_PTRACER", Int("ptracer_process_ID"))
	case unix.PR_SET_SECCOMP:
		if c.Args[1] == unix.SECCOMP_MODE_STRICT {
			return &subRow{name: "PR_SET_SECCOMP", args: at(1, Int("mode")), do: refuseStrict}
		}
		c.e.warn("seccomp", "the guest installs a system call filter: it is in force for gogrind too")
		return row("PR_SET_SECCOMP", Int("mode"), In("filter", N(linux.SizeofSockFprog)).
			When(func(c *Call) bool { return c.Args[1] == unix.SECCOMP_MODE_FILTER }).
			Text("prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter)"))
	case unix.PR_SET_VMA:
		return row("PR_SET_VMA", Addr("arg2"), Addr("arg3"), Addr("arg4"), Str("arg5").Opt())
	case unix.PR_SET_MM:
		// The kernel's idea of where stack, heap and arguments are is the tool's; the guest's is told by /proc files.
		return &subRow{name: "PR_SET_MM", do: func(c *Call) int64 { return errno(unix.EPERM) }}
	case unix.PR_GET_DUMPABLE, unix.PR_GET_KEEPCAPS, unix.PR_GET_TIMING, unix.PR_GET_SECUREBITS, unix.PR_GET_SECCOMP,
		unix.PR_GET_TIMERSLACK, unix.PR_GET_NO_NEW_PRIVS, unix.PR_GET_THP_DISABLE, unix.PR_MCE_KILL_GET:
		return row("PR_GET")
	}
	return row("other", Addr("arg2"), Addr("arg3"), Addr("arg4"), Addr("arg5"))
}
