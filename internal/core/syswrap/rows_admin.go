package syswrap

import (
	"sync"

	"gogrind/internal/linux"

	"golang.org/x/sys/unix"
)

func adminRows() []row {
	return []row{
		sys("sethostname", A{In("name", Arg32(1)), Int("len")}),
		sys("setdomainname", A{In("name", Arg32(1)), Int("len")}),
		sys("syslog", A{Int("type"), Addr("bufp"), Int("len")}, MayBlock, Before(func(c *Call) {
			if readsLog(c) {
				c.write(c.text("bufp"), c.Args[1], Arg32(2).eval(c))
			}
		}), After(func(c *Call) {
			if readsLog(c) {
				c.wrote(c.Args[1], uint64(c.Result))
			}
		})),
		sys("acct", A{Path("filename").Opt()}),
		sys("reboot", A{Hex("magic1"), Hex("magic2"), Hex("cmd"),
			Str("arg").When(func(c *Call) bool { return uint32(c.Args[2]) == unix.LINUX_REBOOT_CMD_RESTART2 })}),
		sys("swapon", A{Path("specialfile"), Hex("swap_flags")}),
		sys("swapoff", A{Path("specialfile")}),
		sys("vhangup", A{}),
		sys("quotactl", A{Hex("cmd"), Str("special").Opt(), Int("id"), Addr("addr")}, Before(quota(0)), After(quota(0))),
		sys("quotactl_fd", A{FD("fd"), Hex("cmd"), Int("id"), Addr("addr")}, Before(quota(1)), After(quota(1))),
		Absent("uselib", "removed from the kernel"),
		sys("sysfs", A{Int("option"), Addr("arg1"), Addr("arg2")}, Before(sysfs), After(sysfs)),
		Absent("_sysctl", "removed from the kernel in 5.5"),
		Absent("nfsservctl", "removed from the kernel in 3.1"),
		Absent("create_module", "removed from the kernel in 2.6"),
		Absent("get_kernel_syms", "removed from the kernel in 2.6"),
		Absent("query_module", "removed from the kernel in 2.6"),
		Absent("getpmsg", "never implemented"),
		Absent("putpmsg", "never implemented"),
		Absent("afs_syscall", "never implemented"),
		Absent("tuxcall", "never implemented"),
		Absent("security", "never implemented"),
		Absent("vserver", "never implemented"),
		Absent("uprobe", "only for the kernel's own trampolines"),
		Absent("uretprobe", "only for the kernel's own trampolines"),
	}
}

// readsLog reports whether a syslog call is SYSLOG_ACTION_READ, _READ_ALL or _READ_CLEAR of include/linux/syslog.h.
func readsLog(c *Call) bool { return c.Args[0] >= 2 && c.Args[0] <= 4 }

// quota checks addr of quotactl by the command: include/uapi/linux/quota.h.
func quota(cmd int) func(c *Call) {
	const (
		qFmt      = 0x800004
		qInfo     = 0x800005
		qSetInfo  = 0x800006
		qGet      = 0x800007
		qSet      = 0x800008
		qGetNext  = 0x800009
		qOn       = 0x800002
		infoSize  = 24
		quotaSize = 72
	)
	return func(c *Call) {
		a := c.Args[3]
		out := func(n uint64) {
			if c.done {
				c.wrote(a, n)
			} else {
				c.write(c.text("addr"), a, n)
			}
		}
		in := func(n uint64) {
			if !c.done {
				c.read(c.text("addr"), a, n)
			}
		}
		switch uint32(c.Args[cmd]) >> 8 {
		case qFmt:
			out(4)
		case qInfo:
			out(infoSize)
		case qSetInfo:
			in(infoSize)
		case qGet:
			out(quotaSize)
		case qGetNext:
			out(quotaSize)
		case qSet:
			in(quotaSize)
		case qOn:
			if !c.done {
				c.readString(c.text("addr"), a)
			}
		}
	}
}

// sysfs translates between names and numbers of file systems. The name that option 2 writes has no length: the caller must have room.
func sysfs(c *Call) {
	const number, name, longest = 1, 2, 64
	switch option := uint32(c.Args[0]); {
	case option == number && !c.done:
		c.readString(c.text("arg1"), c.Args[1])
	case option == name && !c.done:
		c.write(c.text("arg2"), c.Args[2], 1)
	case option == name:
		for n := uint64(0); n < longest; n++ {
			var b [1]byte
			if !c.load(b[:], c.Args[2]+n) || b[0] == 0 {
				c.wrote(c.Args[2], n+1)
				break
			}
		}
	}
}

// unshare makes a call that the kernel refuses to processes with several threads work for guests with one.
func unshare(c *Call) int64 {
	// With one of these a process can make no more threads, so they come when the tool has its own back.
	const last = unix.CLONE_NEWPID | unix.CLONE_NEWTIME
	const wantsOne = unix.CLONE_NEWUSER | unix.CLONE_THREAD | unix.CLONE_SIGHAND | unix.CLONE_VM
	r, flags := c.perform(), c.Args[0]
	if r != errno(unix.EINVAL) || flags&wantsOne == 0 {
		return r
	}
	nr, _ := linux.SyscallNumber("unshare")
	r = c.t.Alone(uintptr(nr), [6]uint64{flags &^ last})
	if r == 0 && flags&last != 0 {
		r = c.t.Raw(uintptr(nr), [6]uint64{flags & last})
	}
	return r
}

// setns makes a call that the kernel refuses to processes with several threads work for guests with one. A mount namespace wants a thread
// that shares directory and root with no other; what Go's threads have there is nobody's business. A user namespace wants no other thread.
func setns(c *Call) int64 {
	r := c.perform()
	if r != errno(unix.EINVAL) {
		return r
	}
	alone := false
	if c.e.cfg.View != nil {
		_, n, ok := c.e.cfg.View(c.t.TID())
		alone = ok && n == 1
	}
	if kind := c.Args[1]; alone && (kind == 0 || kind&unix.CLONE_NEWNS != 0) {
		nr, _ := linux.SyscallNumber("unshare")
		if c.t.Raw(uintptr(nr), [6]uint64{unix.CLONE_FS}) == 0 {
			r = c.perform()
		}
	}
	if kind := c.Args[1]; alone && r == errno(unix.EINVAL) && (kind == 0 || kind&unix.CLONE_NEWUSER != 0) {
		nr, _ := linux.SyscallNumber("setns")
		r = c.t.Alone(uintptr(nr), c.Args)
	}
	return r
}

func mountRows() []row {
	return []row{
		sys("mount", A{Str("source").Opt(), Path("target"), Str("type").Opt(), Addr("flags"), Addr("data")}, Before(mountData)),
		sys("umount2", A{Path("path"), Hex("flags")}),
		sys("pivot_root", A{Path("new_root"), Path("old_root")}),
		sys("unshare", A{Addr("flags")}, Do(unshare)),
		sys("setns", A{FD("fd"), Hex("nstype")}, Do(setns)),
		sys("open_tree", A{DirFD("dfd"), Path("filename"), Hex("flags")}, NewFD),
		sys("open_tree_attr", A{DirFD("dfd"), Path("filename"), Hex("flags"), In("uattr", Arg(4)).Opt(), Addr("usize")}, NewFD),
		sys("move_mount", A{DirFD("from_dfd"), Path("from_pathname"), DirFD("to_dfd"), Path("to_pathname"), Hex("flags")}),
		sys("fsopen", A{Str("fs_name"), Hex("flags")}, NewFD),
		sys("fsconfig", A{FD("fs_fd"), Int("cmd"), Str("key").Opt(), Addr("value"), Int("aux")}, Before(fsconfig)),
		sys("fsmount", A{FD("fs_fd"), Hex("flags"), Hex("attr_flags")}, NewFD),
		sys("fspick", A{DirFD("dfd"), Path("path"), Hex("flags")}, NewFD),
		sys("mount_setattr", A{DirFD("dfd"), Path("path"), Hex("flags"), In("uattr", Arg(4)), Addr("usize")}),
		sys("statmount", A{In("req", N(24)), Out("buf", Arg(2)).Post(Fn("buf->size", func(c *Call) uint64 {
			n, _ := c.load32(c.Args[1])
			return uint64(n)
		})), Addr("bufsize"), Hex("flags")}),
		sys("listmount", A{In("req", N(24)), Out("mnt_ids", Times(Arg(2), 8)).Post(Times(Result, 8)), Addr("nr_mnt_ids"),
			Hex("flags")}),
		sys("listns", A{In("req", N(32)), Out("ns_ids", Times(Arg(2), 8)).Post(Times(Result, 8)), Addr("nr_ns_ids"), Hex("flags")}),
	}
}

// mountData: data is a page of whatever the file system wants, nearly always a string.
func mountData(c *Call) {
	if c.Args[4] != 0 {
		c.readString(c.text("data"), c.Args[4])
	}
}

// fsconfig's value is a string, a file name or aux bytes, by command: include/uapi/linux/mount.h.
func fsconfig(c *Call) {
	switch c.Args[1] {
	case unix.FSCONFIG_SET_STRING, unix.FSCONFIG_SET_PATH, unix.FSCONFIG_SET_PATH_EMPTY:
		c.readString(c.text("value"), c.Args[3])
	case unix.FSCONFIG_SET_BINARY:
		c.read(c.text("value"), c.Args[3], Arg32(4).eval(c))
	}
}

func kernelRows() []row {
	return []row{
		sys("ptrace", A{Long("request"), Int("pid"), Addr("addr"), Addr("data")}, Sub(ptraceRow)),
		sys("perf_event_open", A{In("attr", Fn("attr->size", perfAttr)), Int("pid"), Int("cpu"), Int("group_fd"), Addr("flags")},
			NewFD, Before(func(c *Call) { c.read(c.text("attr->size"), c.Args[0]+4, 4) })),
		sys("bpf", A{Int("cmd"), Addr("attr"), Int("size")}, Before(bpfBefore), After(bpfAfter)),
		sys("seccomp", A{Int("operation"), Hex("flags"), Addr("uargs")}, Do(func(c *Call) int64 {
			switch uint32(c.Args[0]) {
			case unix.SECCOMP_SET_MODE_STRICT:
				return refuseStrict(c)
			case unix.SECCOMP_SET_MODE_FILTER:
				c.e.warn("seccomp", "the guest installs a system call filter: it is in force for gogrind too")
			}
			return c.perform()
		}), Before(func(c *Call) {
			if c.Args[2] != 0 && c.Args[0] == unix.SECCOMP_SET_MODE_FILTER {
				c.read(c.text("uargs"), c.Args[2], linux.SizeofSockFprog)
			}
		})),
		sys("landlock_create_ruleset", A{In("attr", Arg(1)).Opt(), Addr("size"), Hex("flags")}),
		sys("landlock_add_rule", A{FD("ruleset_fd"), Int("rule_type"), In("rule_attr", Fn("12 or 16 by type", func(c *Call) uint64 {
			if c.Args[1] == unix.LANDLOCK_RULE_PATH_BENEATH {
				return 12
			}
			return 16
		})), Hex("flags")}),
		sys("landlock_restrict_self", A{FD("ruleset_fd"), Hex("flags")}),
		sys("lsm_get_self_attr", A{Int("attr"), Out("ctx", Fn("*arg2", lsmSize)).Opt().Post(Fn("*arg2", lsmSize)),
			InOut("size", N(4)), Hex("flags")}),
		sys("lsm_set_self_attr", A{Int("attr"), In("ctx", Arg32(2)), Int("size"), Hex("flags")}),
		sys("lsm_list_modules", A{Out("ids", Fn("*arg1", func(c *Call) uint64 { return Deref32(1).eval(c) })).Opt().
			Post(Times(Result, 8)), InOut("size", N(4)), Hex("flags")}),
		sys("add_key", A{Str("type"), Str("description").Opt(), In("payload", Arg(3)).Opt().Text("request_key(payload)"), Addr("plen"), Int("keyring")}),
		sys("request_key", A{Str("type"), Str("description"), Str("callout_info").Opt(), Int("keyring")}),
		sys("keyctl", A{}, Sub(keyctlRow)),
		sys("getrandom", A{Out("buf", Arg(1)).Post(Result).Mem("cpu"), Addr("count"), Hex("flags")}, MayBlock),
		sys("init_module", A{In("umod", Arg(1)), Addr("len"), Str("uargs")}),
		sys("finit_module", A{FD("fd"), Str("params"), Hex("flags")}),
		sys("delete_module", A{Str("name_user"), Hex("flags")}),
		sys("kexec_load", A{Addr("entry"), Addr("nr_segments"), In("segments", Times(Arg(1), 32)), Addr("flags")}),
		sys("kexec_file_load", A{FD("kernel_fd"), FD("initrd_fd"), Addr("cmdline_len"), In("cmdline_ptr", Arg(2)), Addr("flags")}),
	}
}

func lsmSize(c *Call) uint64 { return Deref32(2).eval(c) }

// perfAttr is the size a struct perf_event_attr gives itself; 0 means its first version.
func perfAttr(c *Call) uint64 {
	n, _ := c.load32(c.Args[0] + 4)
	if n == 0 {
		return linux.SizeofPerfAttr0
	}
	return uint64(min(n, 4096))
}

// ptraceRow: requests of include/uapi/linux/ptrace.h and arch/x86/include/uapi/asm/ptrace-abi.h.
func ptraceRow(c *Call) *subRow {
	data := func(p Param, what string) *subRow {
		return &subRow{name: what, args: at(3, p.Text("ptrace("+what+")"))}
	}
	switch c.Args[0] {
	case unix.PTRACE_TRACEME:
		if c.e.cfg.TraceMe != nil {
			return &subRow{name: "traceme", do: func(c *Call) int64 { return c.e.cfg.TraceMe() }}
		}
	case unix.PTRACE_PEEKTEXT, unix.PTRACE_PEEKDATA, unix.PTRACE_PEEKUSR:
		return data(Out("data", N(8)), "peek")
	case unix.PTRACE_GETEVENTMSG:
		return data(Out("data", N(8)), "geteventmsg")
	case unix.PTRACE_GETSIGINFO:
		return data(Out("data", N(linux.SizeofSiginfo)), "getsiginfo")
	case unix.PTRACE_SETSIGINFO:
		return data(In("data", N(linux.SizeofSiginfo)), "setsiginfo")
	case ptraceGetRegs:
		return data(Out("data", N(linux.SizeofUserRegs)), "getregs")
	case ptraceSetRegs:
		return data(In("data", N(linux.SizeofUserRegs)), "setregs")
	case ptraceGetFPRegs:
		return data(Out("data", N(linux.SizeofUserFPRegs)), "getfpregs")
	case ptraceSetFPRegs:
		return data(In("data", N(linux.SizeofUserFPRegs)), "setfpregs")
	case unix.PTRACE_GETSIGMASK:
		return data(Out("data", Arg(2)), "getsigmask")
	case unix.PTRACE_SETSIGMASK:
		return data(In("data", Arg(2)), "setsigmask")
	case unix.PTRACE_GETREGSET, unix.PTRACE_SETREGSET:
		return &subRow{name: "regset", before: regset, after: gotRegset}
	}
	return nil
}

// Requests that x/sys has for amd64 only: arch/x86/include/uapi/asm/ptrace-abi.h.
const (
	ptraceGetRegs   = 12
	ptraceSetRegs   = 13
	ptraceGetFPRegs = 14
	ptraceSetFPRegs = 15
)

func regset(c *Call) {
	iov := c.Args[3]
	what := "getregset"
	if c.Args[0] == unix.PTRACE_SETREGSET {
		what = "setregset"
	}
	c.read("ptrace("+what+" iovec->iov_base)", iov, 8)
	c.read("ptrace("+what+" iovec->iov_len)", iov+8, 8)
	base, ok1 := c.load64(iov)
	n, ok2 := c.load64(iov + 8)
	if !ok1 || !ok2 {
		return
	}
	if what == "getregset" {
		c.write("ptrace("+what+" *(iovec->iov_base))", base, n)
	} else {
		c.read("ptrace("+what+" *(iovec->iov_base))", base, n)
	}
}

func gotRegset(c *Call) {
	if c.Args[0] != unix.PTRACE_GETREGSET {
		return
	}
	base, ok1 := c.load64(c.Args[3])
	n, ok2 := c.load64(c.Args[3] + 8)
	if ok1 && ok2 {
		c.wrote(base, n)
		c.wrote(c.Args[3]+8, 8)
	}
}

// keyctlCommand is one command of keyctl: its parameters after the option, and the name in messages.
type keyctlCommand struct {
	name string
	args A
}

// keyctlCommands are the commands by number: include/uapi/linux/keyctl.h. Unlike elsewhere, names of registers include the
// command: keyctl(KEYCTL_UPDATE)(payload), and so do those of memory: keyctl(KEYCTL_UPDATE, payload).
var keyctlCommands = sync.OnceValue(func() map[uint64]*subRow {
	rows := make(map[uint64]*subRow)
	for nr, k := range map[uint64]keyctlCommand{
		unix.KEYCTL_GET_KEYRING_ID:       {"GET_KEYRING_ID", A{Int("id"), Int("create")}},
		unix.KEYCTL_JOIN_SESSION_KEYRING: {"JOIN_SESSION_KEYRING", A{Str("name").Opt()}},
		unix.KEYCTL_UPDATE:               {"UPDATE", A{Int("key"), In("payload", Arg(3)).Opt(), Addr("plen")}},
		unix.KEYCTL_REVOKE:               {"REVOKE", A{Int("id")}},
		unix.KEYCTL_CHOWN:                {"CHOWN", A{Int("id"), Int("uid"), Int("gid")}},
		unix.KEYCTL_SETPERM:              {"SETPERM", A{Int("id"), Hex("perm")}},
		unix.KEYCTL_DESCRIBE:             {"DESCRIBE", A{Int("id"), Out("buffer", Arg(3)).Opt().Post(Result), Addr("buflen")}},
		unix.KEYCTL_CLEAR:                {"CLEAR", A{Int("keyring")}},
		unix.KEYCTL_LINK:                 {"LINK", A{Int("keyring"), Int("key")}},
		unix.KEYCTL_UNLINK:               {"UNLINK", A{Int("keyring"), Int("key")}},
		unix.KEYCTL_SEARCH: {"SEARCH", A{Int("keyring"), Str("type").Text("sys_keyctl(KEYCTL_SEARCH, type)"),
			Str("description").Text("sys_keyctl(KEYCTL_SEARCH, description)"), Int("destring")}},
		unix.KEYCTL_READ:               {"READ", A{Int("keyring"), Out("buffer", Arg(3)).Opt().Post(Result), Addr("buflen")}},
		unix.KEYCTL_INSTANTIATE:        {"INSTANTIATE", A{Int("key"), In("payload", Arg(3)).Opt(), Addr("plen"), Int("keyring")}},
		unix.KEYCTL_NEGATE:             {"NEGATE", A{Int("key"), Int("timeout"), Int("keyring")}},
		unix.KEYCTL_SET_REQKEY_KEYRING: {"SET_REQKEY_KEYRING", A{Int("reqkey_defl")}},
		unix.KEYCTL_SET_TIMEOUT:        {"SET_TIMEOUT", A{Int("key"), Int("timeout")}},
		unix.KEYCTL_ASSUME_AUTHORITY:   {"ASSUME_AUTHORITY", A{Int("key")}},
		unix.KEYCTL_GET_SECURITY:       {"GET_SECURITY", A{Int("key"), Out("buffer", Arg(3)).Opt().Post(Result), Addr("buflen")}},
		unix.KEYCTL_INVALIDATE:         {"INVALIDATE", A{Int("key")}},
		unix.KEYCTL_GET_PERSISTENT:     {"GET_PERSISTENT", A{Int("uid"), Int("keyring")}},
	} {
		command := "KEYCTL_" + k.name
		for i := range k.args {
			if p := &k.args[i]; p.kind.pointer() && p.text == "" {
				p.text = "keyctl(" + command + ", " + p.name + ")"
			}
		}
		rows[nr] = &subRow{name: command, args: named("keyctl("+command+")", append(A{Int("option")}, k.args...))}
	}
	return rows
})

var keyctlOther = &subRow{name: "other", args: named("keyctl", A{Int("option")})}

func keyctlRow(c *Call) *subRow {
	if r, ok := keyctlCommands()[c.Args[0]]; ok {
		return r
	}
	return keyctlOther
}
