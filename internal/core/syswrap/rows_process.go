package syswrap

import (
	"encoding/binary"

	"gogrind/internal/guest"
	"gogrind/internal/linux"

	"golang.org/x/sys/unix"
)

func processRows() []row {
	return []row{
		sys("exit", A{Int("status")}, Do(func(c *Call) int64 {
			c.out = Outcome{Kind: Exit, Status: int(c.Args[0] & 0xff)}
			return 0
		})),
		sys("exit_group", A{Int("status")}, Do(func(c *Call) int64 {
			c.out = Outcome{Kind: ExitGroup, Status: int(c.Args[0] & 0xff)}
			return 0
		})),
		sys("fork", A{}, Do(func(c *Call) int64 {
			c.out = Outcome{Kind: Fork, Clone: CloneArgs{ExitSignal: int(unix.SIGCHLD)}}
			return 0
		})),
		sys("vfork", A{}, Do(func(c *Call) int64 {
			c.out = Outcome{Kind: Vfork, Clone: CloneArgs{Flags: unix.CLONE_VFORK | unix.CLONE_VM, ExitSignal: int(unix.SIGCHLD)}}
			return 0
		})),
		sys("clone", cloneParams, Do(clone)),
		sys("clone3", A{In("cl_args", Arg(1)), Addr("size")}, Before(clone3Memory), Do(clone3), After(clone3Memory)),
		sys("execve", A{Path("filename"), Addr("argv"), Addr("envp")}, Before(execBefore(1)), Do(exec)),
		sys("execveat", A{DirFD("fd"), Path("filename"), Addr("argv"), Addr("envp"), Hex("flags")}, Before(execBefore(2)), Do(exec)),
		sys("wait4", A{Int("pid"), Out("status", N(4)).Opt().Post(ifChild), Hex("options"),
			Out("rusage", N(linux.SizeofRusage)).Opt().Post(ifChild)}, MayBlock),
		sys("waitid", A{Int("which"), Int("pid"), Out("infop", N(linux.SizeofSiginfo)).Opt().Text("waitid(infop)"), Hex("options"),
			Out("ru", N(linux.SizeofRusage)).Opt().Text("waitid(ru)")}, As("sys_waitid"), MayBlock),
		sys("set_tid_address", A{Addr("tidptr")}),
		sys("set_robust_list", A{In("head", Arg(1)), Addr("len")}),
		sys("get_robust_list", A{Int("pid"), Out("head_ptr", N(8)), Out("len_ptr", N(8))}),
		Absent("rseq", "a restartable sequence cannot be aborted in translated code; the C library does without"),
		Absent("rseq_slice_yield", "needs rseq"),
		sys("arch_prctl", A{Int("option")}, Sub(archPrctlRow)),
		sys("prctl", A{Int("option")}, Sub(prctlRow)),
		sys("futex", A{Addr("futex"), Hex("op")}, MayBlock, Sub(futexRow)),
		sys("futex_waitv", A{In("waiters", Times(Arg32(1), linux.SizeofFutexWaitv)), Int("nr_futexes"), Hex("flags"),
			In("timeout", N(linux.SizeofTimespec)).Opt(), Int("clockid")}, MayBlock),
		sys("futex_wake", A{Addr("uaddr"), Addr("mask"), Int("nr"), Hex("flags")}),
		sys("futex_wait", A{In("uaddr", N(4)), Addr("val"), Addr("mask"), Hex("flags"),
			In("timeout", N(linux.SizeofTimespec)).Opt(), Int("clockid")}, MayBlock),
		sys("futex_requeue", A{In("waiters", N(2*linux.SizeofFutexWaitv)), Hex("flags"), Int("nr_wake"), Int("nr_requeue")}),
		sys("getpid", A{}),
		sys("getppid", A{}),
		sys("gettid", A{}),
		sys("getpgid", A{Int("pid")}),
		sys("setpgid", A{Int("pid"), Int("pgid")}),
		sys("getpgrp", A{}),
		sys("setsid", A{}),
		sys("getsid", A{Int("pid")}),
		sys("pidfd_open", A{Int("pid"), Hex("flags")}, NewFD),
		sys("pidfd_getfd", A{FD("pidfd"), Int("targetfd"), Hex("flags")}, NewFD),
		sys("pidfd_send_signal", A{FD("pidfd"), Int("sig"), In("info", N(linux.SizeofSiginfo)).Opt(), Hex("flags")}),
		sys("kcmp", A{Int("pid1"), Int("pid2"), Int("type"), Addr("idx1"), Addr("idx2")}),
		sys("personality", A{Hex("persona")}),
		sys("getcpu", A{Out("cpu", N(4)).Opt(), Out("node", N(4)).Opt(), Addr("tcache")}),
		// The kernel makes a call again by this number only where it was interrupted, which a guest's never is: package signal does it.
		sys("restart_syscall", A{}, Do(func(*Call) int64 { return errno(unix.EINTR) })),
		Absent("modify_ldt", "segment descriptors are for 16-bit and 32-bit code, which gogrind does not run"),
		Absent("iopl", "port access would need real instructions of the kernel's privilege"),
		Absent("ioperm", "port access would need real instructions of the kernel's privilege"),
		Absent("set_thread_area", "32-bit only"),
		Absent("get_thread_area", "32-bit only"),
	}
}

// ifChild is the size of what wait4 writes: nothing when there is no child to tell of (WNOHANG).
var ifChild = Fn("all if there is a child", func(c *Call) uint64 {
	if c.Result > 0 {
		return ^uint64(0)
	}
	return 0
})

// startOf decides what kind of start a clone is. vfork's child is a forked process whose parent waits; sharing memory with
// it is what it must not rely on.
func startOf(a CloneArgs) Outcome {
	switch {
	case a.Flags&unix.CLONE_VM != 0 && a.Flags&unix.CLONE_VFORK != 0:
		return Outcome{Kind: Vfork, Clone: a}
	case a.Flags&unix.CLONE_VM == 0:
		return Outcome{Kind: Fork, Clone: a}
	}
	return Outcome{Kind: Clone, Clone: a}
}

func clone(c *Call) int64 {
	a := CloneArgs{
		Flags:      c.Args[0] &^ 0xff, // CSIGNAL
		ExitSignal: int(c.Args[0] & 0xff),
		Stack:      guest.Addr(c.Args[1]),
		ParentTID:  guest.Addr(c.Args[2]),
		ChildTID:   guest.Addr(c.Args[cloneChildTID]),
		TLS:        c.Args[cloneTLS],
	}
	if a.Flags&unix.CLONE_PIDFD != 0 {
		a.Pidfd = a.ParentTID
	}
	c.out = startOf(a)
	return 0
}

// clone3Memory is what is written through the fields of clone_args, before and after the call.
func clone3Memory(c *Call) {
	flags, ok := c.load64(c.Args[0] + linux.CloneFlags)
	if !ok {
		return
	}
	for _, f := range []struct {
		name string
		off  uint64
		bits uint64
	}{
		{"cl_args->pidfd", linux.ClonePidfd, unix.CLONE_PIDFD},
		{"cl_args->parent_tid", linux.CloneParentTID, unix.CLONE_PARENT_SETTID},
		{"cl_args->child_tid", linux.CloneChildTID, unix.CLONE_CHILD_SETTID | unix.CLONE_CHILD_CLEARTID},
	} {
		if p, ok := c.load64(c.Args[0] + f.off); ok && flags&f.bits != 0 {
			if c.done {
				c.wrote(p, 4)
			} else {
				c.write(c.text(f.name), p, 4)
			}
		}
	}
}

func clone3(c *Call) int64 {
	size := c.Args[1]
	switch {
	case c.e.cfg.NoClone3:
		return errno(unix.ENOSYS)
	case size < linux.SizeofCloneArgs0:
		return errno(unix.EINVAL)
	case size > guest.PageSize:
		return errno(unix.E2BIG)
	}
	b := make([]byte, max(size, linux.SizeofCloneArgs))
	if !c.load(b[:size], c.Args[0]) {
		return errno(unix.EFAULT)
	}
	for _, v := range b[linux.SizeofCloneArgs:] {
		if v != 0 { // from a version of the structure that is newer than we are
			return errno(unix.E2BIG)
		}
	}
	at := func(off int) uint64 { return binary.LittleEndian.Uint64(b[off:]) }
	a := CloneArgs{
		Flags:      at(linux.CloneFlags),
		Pidfd:      guest.Addr(at(linux.ClonePidfd)),
		ChildTID:   guest.Addr(at(linux.CloneChildTID)),
		ParentTID:  guest.Addr(at(linux.CloneParentTID)),
		ExitSignal: int(at(linux.CloneExitSignal)),
		TLS:        at(linux.CloneTLS),
		Cgroup:     at(linux.CloneCgroup),
	}
	stack, stackSize := at(linux.CloneStack), at(linux.CloneStackSize)
	if (stack == 0) != (stackSize == 0) || at(linux.CloneExitSignal) > 64 || a.Flags&0xff&^unix.CLONE_NEWTIME != 0 {
		return errno(unix.EINVAL)
	}
	if stack != 0 {
		a.Stack = guest.Addr(stack + stackSize)
	}
	n := at(linux.CloneSetTIDSize)
	if n > 32 { // MAX_PID_NS_LEVEL
		return errno(unix.EINVAL)
	}
	for i := range n {
		tid, ok := c.load32(at(linux.CloneSetTID) + 4*i)
		if !ok {
			return errno(unix.EFAULT)
		}
		a.SetTID = append(a.SetTID, int32(tid))
	}
	c.out = startOf(a)
	return 0
}

// atExecveCheck (include/uapi/linux/fcntl.h) asks whether a file could be executed.
const atExecveCheck = 0x10000

// Limits of execve: MAX_ARG_STRLEN is 32 pages, and all strings together fit a quarter of the largest stack (_STK_LIM).
const (
	maxArgString = 32 * guest.PageSize
	maxArgBytes  = 6 << 20
)

// execBefore checks the string arrays whose first is argument argv.
func execBefore(argv int) func(c *Call) {
	return func(c *Call) {
		c.stringArray("argv", c.Args[argv])
		c.stringArray("envp", c.Args[argv+1])
	}
}

func (c *Call) stringArray(name string, a uint64) {
	if a == 0 {
		return
	}
	for n := 0; n < maxArgBytes; n += 8 {
		c.read(c.text(name), a, 8)
		p, ok := c.load64(a)
		if !ok || p == 0 || c.fault {
			return
		}
		elem := name + "[i]"
		if n == 0 && name == "argv" {
			elem = "argv[0]"
		}
		c.readString(c.text(elem), p)
		a += 8
	}
}

// loadStrings reads an array of strings that a null pointer ends.
func (c *Call) loadStrings(a uint64) ([]string, unix.Errno) {
	var list []string
	for total := 0; a != 0; a += 8 {
		p, ok := c.load64(a)
		if !ok {
			return nil, unix.EFAULT
		}
		if p == 0 {
			break
		}
		s, ok := c.loadString(p, maxArgString)
		if !ok {
			if c.load(make([]byte, maxArgString), p) {
				return nil, unix.E2BIG
			}
			return nil, unix.EFAULT
		}
		if total += len(s) + 9; total > maxArgBytes {
			return nil, unix.E2BIG
		}
		list = append(list, s)
	}
	return list, 0
}

func exec(c *Call) int64 {
	x := ExecArgs{DirFD: atFDCWD}
	i := 0
	if c.row.name == "execveat" {
		x.DirFD, x.Flags, i = int(int32(c.Args[0])), int(int32(c.Args[4])), 1
		if x.Flags&^(unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW|atExecveCheck) != 0 {
			return errno(unix.EINVAL)
		}
	}
	path, ok := c.loadString(c.Args[i], unix.PathMax)
	if !ok {
		return c.badPath(c.Args[i])
	}
	if path == "" && x.Flags&unix.AT_EMPTY_PATH == 0 {
		return errno(unix.ENOENT)
	}
	var e unix.Errno
	if x.Argv, e = c.loadStrings(c.Args[i+1]); e != 0 {
		return errno(e)
	}
	if x.Env, e = c.loadStrings(c.Args[i+2]); e != 0 {
		return errno(e)
	}
	x.Path = path
	if f, ok := c.procFile(x.DirFD, path); ok && f.name == "exe" {
		x.Path = c.e.cfg.Exe
	}
	c.out = Outcome{Kind: Exec, Exec: x}
	return 0
}

// badPath says why no file name could be read at a.
func (c *Call) badPath(a uint64) int64 {
	if c.load(make([]byte, unix.PathMax), a) {
		return errno(unix.ENAMETOOLONG)
	}
	return errno(unix.EFAULT)
}

// Calls that change credentials act on the calling thread only, here as natively: the C library repeats them on every
// thread of the guest. The tool's own threads keep theirs, which opens nothing to the guest.
func identityRows() []row {
	return []row{
		sys("getuid", A{}),
		sys("geteuid", A{}),
		sys("getgid", A{}),
		sys("getegid", A{}),
		sys("setuid", A{Int("uid")}),
		sys("setgid", A{Int("gid")}),
		sys("setreuid", A{Int("ruid"), Int("euid")}),
		sys("setregid", A{Int("rgid"), Int("egid")}),
		sys("setresuid", A{Int("ruid"), Int("euid"), Int("suid")}),
		sys("setresgid", A{Int("rgid"), Int("egid"), Int("sgid")}),
		sys("getresuid", A{Out("ruid", N(4)), Out("euid", N(4)), Out("suid", N(4))}),
		sys("getresgid", A{Out("rgid", N(4)), Out("egid", N(4)), Out("sgid", N(4))}),
		sys("setfsuid", A{Int("uid")}),
		sys("setfsgid", A{Int("gid")}),
		sys("getgroups", A{Int("size"), Out("list", Times(Arg32(0), 4)).Post(Times(Result, 4))}),
		sys("setgroups", A{Int("size"), In("list", Times(Arg32(0), 4))}),
		sys("capget", A{InOut("header", N(linux.SizeofCapHeader)), Out("data", Fn("12 or 24 by version", capData)).Opt()}),
		sys("capset", A{In("header", N(linux.SizeofCapHeader)), In("data", Fn("12 or 24 by version", capData))}),
		sys("getrlimit", A{Int("resource"), Out("rlim", N(linux.SizeofRlimit))}, Do(getrlimit)),
		sys("setrlimit", A{Int("resource"), In("rlim", N(linux.SizeofRlimit))}, Do(setrlimit)),
		sys("prlimit64", A{Int("pid"), Int("resource"), In("new_rlim", N(linux.SizeofRlimit)).Opt().Text("rlimit64(new_rlim)"),
			Out("old_rlim", N(linux.SizeofRlimit)).Opt().Text("rlimit64(old_rlim)")}, Do(prlimit)),
		sys("getrusage", A{Int("who"), Out("usage", N(linux.SizeofRusage))}),
		sys("getpriority", A{Int("which"), Int("who")}),
		sys("setpriority", A{Int("which"), Int("who"), Int("prio")}),
		sys("ioprio_get", A{Int("which"), Int("who")}),
		sys("ioprio_set", A{Int("which"), Int("who"), Int("ioprio")}),
		sys("uname", A{Out("buf", N(linux.SizeofUtsname))}),
		sys("sysinfo", A{Out("info", N(linux.SizeofSysinfo))}),
		sys("times", A{Out("buf", N(linux.SizeofTms)).Opt()}),
	}
}

// capData is the size of capget's data: one element for version 1, two after it.
func capData(c *Call) uint64 {
	if v, _ := c.load32(c.Args[0]); v == unix.LINUX_CAPABILITY_VERSION_1 {
		return linux.SizeofCapData
	}
	return 2 * linux.SizeofCapData
}

func schedRows() []row {
	return []row{
		sys("sched_yield", A{}, MayBlock),
		sys("sched_setparam", A{Int("pid"), In("p", N(linux.SizeofSchedParam))}),
		sys("sched_getparam", A{Int("pid"), Out("p", N(linux.SizeofSchedParam))}),
		sys("sched_setscheduler", A{Int("pid"), Int("policy"), In("p", N(linux.SizeofSchedParam))}),
		sys("sched_getscheduler", A{Int("pid")}),
		sys("sched_get_priority_max", A{Int("policy")}),
		sys("sched_get_priority_min", A{Int("policy")}),
		sys("sched_rr_get_interval", A{Int("pid"), Out("tp", N(linux.SizeofTimespec)).Mem("timespec")}),
		sys("sched_setaffinity", A{Int("pid"), Int("len"), In("mask", Arg32(1))}),
		sys("sched_getaffinity", A{Int("pid"), Int("len"), Out("mask", Arg32(1)).Post(Result)}),
		sys("sched_setattr", A{Int("pid"), In("p", Fn("attr->size", schedAttr)).Mem("attr"), Hex("flags")},
			Before(func(c *Call) { c.read(c.text("attr->size"), c.Args[1], 4) })),
		// What the kernel does not know of the structure it clears.
		sys("sched_getattr", A{Int("pid"), Out("p", Arg32(2)).Mem("attr"), Int("size"), Hex("flags")}),
	}
}

// schedAttr is the size a struct sched_attr gives itself; 0 means its first version.
func schedAttr(c *Call) uint64 {
	n, _ := c.load32(c.Args[1])
	if n == 0 {
		n = 48 // SCHED_ATTR_SIZE_VER0
	}
	return uint64(min(n, guest.PageSize))
}
