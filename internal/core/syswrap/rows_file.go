package syswrap

import (
	"sync"

	"gogrind/internal/core/signal"
	"gogrind/internal/linux"

	"golang.org/x/sys/unix"
)

// family is a group of rows, as the manual has them.
type family struct {
	title string
	rows  func() []row
}

// families are all rows. Families are made when they are first wanted: most programs need few, and making all takes half a millisecond.
var families = []family{
	{"Files: reading and writing", sync.OnceValue(ioRows)},
	{"Files: descriptors", sync.OnceValue(fdRows)},
	{"Files: names and attributes", sync.OnceValue(nameRows)},
	{"Files: extended attributes", sync.OnceValue(xattrRows)},
	{"Files: waiting for events", sync.OnceValue(pollRows)},
	{"Files: asynchronous input and output", sync.OnceValue(aioRows)},
	{"Memory", sync.OnceValue(memoryRows)},
	{"Processes and threads", sync.OnceValue(processRows)},
	{"Identity and limits", sync.OnceValue(identityRows)},
	{"Scheduling", sync.OnceValue(schedRows)},
	{"Signals", sync.OnceValue(signalRows)},
	{"Time", sync.OnceValue(timeRows)},
	{"Sockets", sync.OnceValue(socketRows)},
	{"System V and POSIX communication", sync.OnceValue(ipcRows)},
	{"System administration", sync.OnceValue(adminRows)},
	{"Mounts and namespaces", sync.OnceValue(mountRows)},
	{"Tracing, keys and modules", sync.OnceValue(kernelRows)},
}

var creates = when(1, unix.O_CREAT|unix.O_TMPFILE&^unix.O_DIRECTORY)
var createsAt = when(2, unix.O_CREAT|unix.O_TMPFILE&^unix.O_DIRECTORY)

func ioRows() []row {
	return []row{
		sys("read", A{FD("fd"), Out("buf", Arg(2)).Post(Result), Addr("count")}, MayBlock),
		sys("write", A{FD("fd"), In("buf", Arg(2)), Addr("count")}, MayBlock),
		sys("pread64", A{FD("fd"), Out("buf", Arg(2)).Post(Result), Addr("count"), Long("offset")}, MayBlock),
		sys("pwrite64", A{FD("fd"), In("buf", Arg(2)), Addr("count"), Long("offset")}, MayBlock),
		sys("readv", A{FD("fd"), IovOut("vector", Arg(2)), Addr("count")}, MayBlock),
		sys("writev", A{FD("fd"), IovIn("vector", Arg(2)), Addr("count")}, MayBlock),
		sys("preadv", A{FD("fd"), IovOut("vector", Arg(2)).Indexed(), Addr("count"), Long("offset")}, MayBlock),
		sys("pwritev", A{FD("fd"), IovIn("vector", Arg(2)).Indexed(), Addr("count"), Long("offset")}, MayBlock),
		// Argument 4 is the upper half of the offset, which 64-bit kernels ignore. Valgrind looks at it for one of the two.
		sys("preadv2", A{FD("fd"), IovOut("vector", Arg(2)).Indexed(), Addr("count"), Long("offset"), skip(), Hex("flags")}, MayBlock),
		sys("pwritev2", A{FD("fd"), IovIn("vector", Arg(2)).Indexed(), Addr("count"), Long("offset"), Long("offset_high"), Hex("flags")}, MayBlock),
		sys("lseek", A{FD("fd"), Long("offset"), Int("whence")}),
		sys("sendfile", A{FD("out_fd"), FD("in_fd"), InOut("offset", N(8)).Opt(), Addr("count")}, MayBlock),
		sys("copy_file_range", A{FD(`"fd_in"`), InOut(`"off_in"`, N(8)).Opt().Mem("off_in"), FD(`"fd_out"`),
			InOut(`"off_out"`, N(8)).Opt().Mem("off_out"), Addr(`"len"`), Hex(`"flags"`)}, MayBlock),
		sys("splice", A{FD("fd_in"), InOut("off_in", N(8)).Opt(), FD("fd_out"), InOut("off_out", N(8)).Opt(),
			Addr("len"), Hex("flags")}, MayBlock),
		sys("tee", A{FD("fd_in"), FD("fd_out"), Addr("len"), Hex("flags")}, MayBlock),
		sys("vmsplice", A{FD("fd"), IovIn("iov", Arg(2)).Text("vmsplice(iov)"), Addr("nr_segs"), Hex("flags")}, As("splice"), MayBlock),
		sys("readahead", A{FD("fd"), Long("offset"), Addr("count")}),
		sys("fadvise64", A{FD("fd"), Long("offset"), Addr("len"), Int("advice")}),
		sys("fallocate", A{FD("fd"), Int("mode"), Long("offset"), Long("len")}),
		sys("truncate", A{Path("path"), Long("length")}),
		sys("ftruncate", A{FD("fd"), Long("length")}),
		sys("fsync", A{FD("fd")}),
		sys("fdatasync", A{FD("fd")}),
		sys("sync_file_range", A{FD("fd"), Long("offset"), Long("nbytes"), Hex("flags")}),
		sys("sync", A{}),
		sys("syncfs", A{FD("fd")}),
		sys("getdents", A{FD("fd"), Out("dirp", Arg32(2)).Post(Result), Int("count")}, Do(getdents)),
		sys("getdents64", A{FD("fd"), Out("dirp", Arg32(2)).Post(Result), Int("count")}, Do(getdents)),
		sys("cachestat", A{FD("fd"), In("cstat_range", N(16)), Out("cstat", N(linux.SizeofCachestat)), Hex("flags")}),
	}
}

func fdRows() []row {
	return []row{
		sys("open", A{Path("filename"), Hex("flags"), Mode("mode").When(creates)}, NewFD|MayBlock, Do(openPath(-1, 0, 1))),
		sys("openat", A{DirFD("dfd"), Path("filename"), Hex("flags"), Mode("mode").When(createsAt)}, NewFD|MayBlock,
			Do(openPath(0, 1, 2))),
		sys("openat2", A{DirFD("dfd"), Path("filename"), In("how", Arg(3)), Addr("size")}, NewFD|MayBlock,
			Do(openat2)),
		sys("creat", A{Path("pathname"), Mode("mode")}, NewFD|MayBlock),
		sys("close", A{FD("fd")}),
		sys("close_range", A{Hex("first"), Hex("last"), Hex("flags")}, Do(closeRange)),
		sys("dup", A{FD("oldfd")}, NewFD),
		sys("dup2", A{FD("oldfd"), Int("newfd")}, NewFD, Do(dupTo)),
		sys("dup3", A{FD("oldfd"), Int("newfd"), Hex("flags")}, NewFD, Do(dupTo)),
		sys("fcntl", A{FD("fd"), Hex("cmd")}, MayBlock, Sub(fcntlRow)),
		sys("ioctl", A{FD("fd"), Hex("request")}, MayBlock, Sub(ioctlRow)),
		sys("flock", A{FD("fd"), Hex("operation")}, MayBlock),
		sys("pipe", A{Out("filedes", N(8))}, NewPair),
		sys("pipe2", A{Out("filedes", N(8)).Text("pipe2(filedes)"), Hex("flags")}, As("pipe"), NewPair),
		sys("memfd_create", A{Str("uname"), Hex("flags")}, NewFD),
		sys("memfd_secret", A{Hex("flags")}, NewFD),
		sys("eventfd", A{Int("count")}, As("sys_eventfd"), NewFD),
		sys("eventfd2", A{Int("count"), Hex("flags")}, As("sys_eventfd2"), NewFD),
		sys("inotify_init", A{}, NewFD),
		sys("inotify_init1", A{Hex("flag")}, As("inotify_init"), NewFD),
		sys("inotify_add_watch", A{FD("fd"), Path("path"), Hex("mask")}),
		sys("inotify_rm_watch", A{FD("fd"), Int("wd")}),
		sys("fanotify_init", A{Hex("flags"), Hex("event_f_flags")}, NewFD),
		sys("fanotify_mark", A{FD("fanotify_fd"), Hex("flags"), Addr("mask"), DirFD("dfd"), Path("pathname").Opt().Text("fanotify_mark(path)")},
			As("sys_fanotify_mark")),
		sys("userfaultfd", A{Hex("flags")}, NewFD),
		sys("name_to_handle_at", A{DirFD("dfd"), Path("name"), InOut("handle", Fn("8 + handle_bytes", fileHandle)).
			Fields(F("", 0, 4)), Out("mnt_id", N(4)), Hex("flag")}),
		sys("open_by_handle_at", A{FD("mountdirfd"), In("handle", Fn("8 + handle_bytes", fileHandle)), Hex("flags")}, NewFD),
		sys("lookup_dcookie", A{Addr("cookie"), Out("buf", Arg(2)).Post(Result).Text("sys_lookup_dcookie(buf)"), Addr("len")}),
	}
}

// fileHandle is the size of a struct file_handle with its variable part.
func fileHandle(c *Call) uint64 {
	i := 2
	if c.row.name == "open_by_handle_at" {
		i = 1
	}
	n, _ := c.load32(c.Args[i])
	return linux.SizeofFileHandle + uint64(min(n, 128)) // MAX_HANDLE_SZ
}

func nameRows() []row {
	return []row{
		sys("stat", A{Path("file_name"), Out("buf", N(linux.SizeofStat))}, Do(followPath(-1, 0))),
		sys("lstat", A{Path("file_name"), Out("buf", N(linux.SizeofStat))}),
		sys("fstat", A{FD("fd"), Out("buf", N(linux.SizeofStat))}, After(statInvented(1))),
		sys("newfstatat", A{DirFD("dfd"), Path("file_name"), Out("buf", N(linux.SizeofStat)), skip()}, As("fstatat"),
			Do(followUnless(3, unix.AT_SYMLINK_NOFOLLOW)), After(statInvented(2))),
		sys("statx", A{DirFD("dirfd"), Path("filename").Opt(), Hex("flags"), Hex("mask"), Out("buf", N(linux.SizeofStatx))},
			Do(followUnless(2, unix.AT_SYMLINK_NOFOLLOW))),
		sys("statfs", A{Path("path"), Out("buf", N(linux.SizeofStatfs))}),
		sys("fstatfs", A{FD("fd"), Out("buf", N(linux.SizeofStatfs))}),
		sys("ustat", A{Hex("dev"), Out("ubuf", N(linux.SizeofUstat))}),
		sys("access", A{Path("pathname"), Mode("mode")}, Do(followPath(-1, 0))),
		sys("faccessat", A{DirFD("dfd"), Path("pathname"), Mode("mode")}, Do(followPath(0, 1))),
		sys("faccessat2", A{DirFD("dfd"), Path("pathname"), Mode("mode"), Hex("flags")}, Do(followPath(0, 1))),
		sys("readlink", A{Path("path"), Out("buf", Arg32(2)).Post(Result), Int("bufsiz")}, Do(readlink)),
		sys("readlinkat", A{DirFD("dfd"), Path("path"), Out("buf", Arg32(3)).Post(Result), Int("bufsiz")}, Do(readlinkat)),
		sys("getcwd", A{Out("buf", Arg(1)).Post(Result), Addr("size")}),
		sys("chdir", A{Path("path")}),
		sys("fchdir", A{FD("fd")}),
		sys("chroot", A{Path("path")}),
		sys("mkdir", A{Path("pathname"), Mode("mode")}),
		sys("mkdirat", A{DirFD("dfd"), Path("pathname"), Mode("mode")}),
		sys("rmdir", A{Path("pathname")}),
		sys("mknod", A{Path("pathname"), Mode("mode"), Hex("dev")}),
		sys("mknodat", A{DirFD("dfd"), Path("pathname"), Mode("mode"), Hex("dev")}),
		sys("link", A{Path("oldpath"), Path("newpath")}),
		sys("linkat", A{DirFD("olddfd"), Path("oldpath"), DirFD("newdfd"), Path("newpath"), Hex("flags")}),
		sys("symlink", A{Str("oldpath"), Path("newpath")}),
		sys("symlinkat", A{Str("oldpath"), DirFD("newdfd"), Path("newpath")}),
		sys("unlink", A{Path("pathname")}),
		sys("unlinkat", A{DirFD("dfd"), Path("pathname"), skip()}),
		sys("rename", A{Path("oldpath"), Path("newpath")}),
		sys("renameat", A{DirFD("olddfd"), Path("oldpath"), DirFD("newdfd"), Path("newpath")}),
		sys("renameat2", A{DirFD("olddfd"), Path("oldpath"), DirFD("newdfd"), Path("newpath"), Hex("flags")}),
		sys("chmod", A{Path("path"), Mode("mode")}),
		sys("fchmod", A{FD("fildes"), Mode("mode")}),
		sys("fchmodat", A{DirFD("dfd"), Path("path"), Mode("mode")}),
		sys("fchmodat2", A{DirFD("dfd"), Path("path"), Mode("mode"), Hex("flags")}),
		sys("chown", A{Path("path"), Int("owner"), Int("group")}),
		sys("lchown", A{Path("path"), Int("owner"), Int("group")}),
		sys("fchown", A{FD("fd"), Int("owner"), Int("group")}),
		sys("fchownat", A{DirFD("dfd"), Path("path"), Int("owner"), Int("group"), skip()}),
		sys("umask", A{Mode("mask")}),
		sys("utime", A{Path("filename"), In("buf", N(linux.SizeofUtimbuf)).Opt()}),
		sys("utimes", A{Path("filename"), In("tvp", N(2*linux.SizeofTimeval)).Opt().Fields(times2...)}),
		sys("futimesat", A{DirFD("dfd"), Path("filename").Opt(), In("tvp", N(2*linux.SizeofTimeval)).Opt()}),
		sys("utimensat", A{DirFD("dfd"), Path("filename").Opt(), Addr("utimes"), Hex("flags")}, Before(utimensat)),
		sys("file_getattr", A{DirFD("dfd"), Path("filename"), Out("ufattr", Arg(3)), Addr("usize"), Hex("at_flags")}),
		sys("file_setattr", A{DirFD("dfd"), Path("filename"), In("ufattr", Arg(3)), Addr("usize"), Hex("at_flags")}),
	}
}

// times2 are the two elements of an array of timeval.
var times2 = []field{F("[0]", 0, linux.SizeofTimeval), F("[1]", linux.SizeofTimeval, linux.SizeofTimeval)}

// utimensat reads tv_sec only where tv_nsec is a number, not UTIME_NOW or UTIME_OMIT.
func utimensat(c *Call) {
	p := c.Args[2]
	if p == 0 {
		return
	}
	for i, name := range []string{"times[0]", "times[1]"} {
		a := p + uint64(i)*linux.SizeofTimespec
		c.read(c.text(name+".tv_nsec"), a+8, 8)
		if ns, ok := c.load64(a + 8); ok && ns != unix.UTIME_NOW && ns != unix.UTIME_OMIT {
			c.read(c.text(name+".tv_sec"), a, 8)
		}
	}
}

func xattrRows() []row {
	return []row{
		sys("setxattr", A{Path("path"), Str("name"), In("value", Arg(3)), Addr("size"), Hex("flags")}),
		sys("lsetxattr", A{Path("path"), Str("name"), In("value", Arg(3)), Addr("size"), Hex("flags")}),
		sys("fsetxattr", A{FD("fd"), Str("name"), In("value", Arg(3)), Addr("size"), Hex("flags")}),
		sys("getxattr", A{Path("path"), Str("name"), Out("value", Arg(3)).Post(Result), Addr("size")}),
		sys("lgetxattr", A{Path("path"), Str("name"), Out("value", Arg(3)).Post(Result), Addr("size")}),
		sys("fgetxattr", A{FD("fd"), Str("name"), Out("value", Arg(3)).Post(Result), Addr("size")}),
		sys("listxattr", A{Path("path"), Out("list", Arg(2)).Post(Result), Addr("size")}),
		sys("llistxattr", A{Path("path"), Out("list", Arg(2)).Post(Result), Addr("size")}),
		sys("flistxattr", A{FD("fd"), Out("list", Arg(2)).Post(Result), Addr("size")}),
		sys("removexattr", A{Path("path"), Str("name")}),
		sys("lremovexattr", A{Path("path"), Str("name")}),
		sys("fremovexattr", A{FD("fd"), Str("name")}),
		// struct xattr_args of the calls with "at": value, size, flags.
		sys("setxattrat", A{DirFD("dfd"), Path("pathname"), Hex("at_flags"), Str("name"), In("uargs", Arg(5)), Addr("usize")},
			Before(xattrArgs)),
		sys("getxattrat", A{DirFD("dfd"), Path("pathname"), Hex("at_flags"), Str("name"), In("uargs", Arg(5)), Addr("usize")},
			Before(xattrArgs), After(xattrArgs)),
		sys("listxattrat", A{DirFD("dfd"), Path("pathname"), Hex("at_flags"), Out("list", Arg(4)).Post(Result), Addr("size")}),
		sys("removexattrat", A{DirFD("dfd"), Path("pathname"), Hex("at_flags"), Str("name")}),
	}
}

// xattrArgs follows the buffer in struct xattr_args of setxattrat and getxattrat.
func xattrArgs(c *Call) {
	value, ok1 := c.load64(c.Args[4])
	size, ok2 := c.load32(c.Args[4] + 8)
	switch {
	case !ok1 || !ok2 || value == 0:
	case c.done:
		c.wrote(value, min(uint64(size), uint64(c.Result)))
	case c.row.name == "setxattrat":
		c.read(c.text("uargs->value"), value, uint64(size))
	default:
		c.write(c.text("uargs->value"), value, uint64(size))
	}
}

func pollRows() []row {
	return []row{
		sys("poll", A{Addr("ufds"), Int("nfds"), Int("timeout")}, MayBlock,
			Before(pollBefore), After(pollAfter)),
		sys("ppoll", A{Addr("ufds"), Int("nfds"),
			InOut("tsp", N(linux.SizeofTimespec)).Opt(), In("sigmask", Arg(4)).Opt(), Addr("sigsetsize")}, MayBlock,
			Before(pollBefore), After(pollAfter), Do(withMask(3, 4))),
		// The kernel reads and writes whole words of the sets, but what lies beyond the first argument's bits is not used.
		sys("select", A{Int("n"), InOut("readfds", BitBytes(0)).Opt(), InOut("writefds", BitBytes(0)).Opt(),
			InOut("exceptfds", BitBytes(0)).Opt(), InOut("timeout", N(linux.SizeofTimeval)).Opt()}, MayBlock),
		sys("pselect6", A{Int("n"), InOut("readfds", BitBytes(0)).Opt(), InOut("writefds", BitBytes(0)).Opt(),
			InOut("exceptfds", BitBytes(0)).Opt(), InOut("timeout", N(linux.SizeofTimespec)).Opt(),
			In("sig", N(16)).Opt()}, MayBlock, Before(pselectBefore), Do(pselect)),
		sys("epoll_create", A{Int("size")}, NewFD),
		sys("epoll_create1", A{Hex("flags")}, NewFD),
		// The kernel gives the data back as they are: most programs set a part of that union only.
		sys("epoll_ctl", A{FD("epfd"), Int("op"), FD("fd"), In("event", N(4)).
			When(func(c *Call) bool { return int32(c.Args[1]) != unix.EPOLL_CTL_DEL })}),
		sys("epoll_wait", A{FD("epfd"), Out("events", Times(Arg32(2), linux.SizeofEpollEvent)).
			Post(Times(Result, linux.SizeofEpollEvent)), Int("maxevents"), Int("timeout")}, MayBlock),
		sys("epoll_pwait", A{FD("epfd"), Out("events", Times(Arg32(2), linux.SizeofEpollEvent)).
			Post(Times(Result, linux.SizeofEpollEvent)), Int("maxevents"), Int("timeout"),
			In("sigmask", Arg(5)).Opt(), Addr("sigsetsize")}, MayBlock, Do(withMask(4, 5))),
		sys("epoll_pwait2", A{FD("epfd"), Out("events", Times(Arg32(2), linux.SizeofEpollEvent)).
			Post(Times(Result, linux.SizeofEpollEvent)), Int("maxevents"), In("timeout", N(linux.SizeofTimespec)).Opt(),
			In("sigmask", Arg(5)).Opt(), Addr("sigsetsize")}, MayBlock, Do(withMask(4, 5))),
		Absent("epoll_ctl_old", "never implemented"),
		Absent("epoll_wait_old", "never implemented"),
	}
}

// pollCount is the number of elements; the kernel refuses more than there can be descriptors.
func pollCount(c *Call) uint64 {
	if n := Arg32(1).eval(c); n <= c.e.noFile() {
		return n
	}
	return 0
}

// pollBefore names the parts of each element; revents is written even when nothing happened.
func pollBefore(c *Call) {
	for i := range pollCount(c) {
		a := c.Args[0] + i*linux.SizeofPollfd
		c.read(c.text("ufds.fd"), a, 4)
		c.read(c.text("ufds.events"), a+4, 2)
		c.write(c.text("ufds.revents"), a+6, 2)
		if c.fault {
			return
		}
	}
}

func pollAfter(c *Call) {
	for i := range pollCount(c) {
		c.wrote(c.Args[0]+i*linux.SizeofPollfd+6, 2)
	}
}

// pselectBefore reads the mask that the last argument of pselect6 leads to: a pointer and a size.
func pselectBefore(c *Call) {
	if c.Args[5] == 0 {
		return
	}
	ss, ok1 := c.load64(c.Args[5])
	n, ok2 := c.load64(c.Args[5] + 8)
	if ok1 && ok2 && ss != 0 {
		c.read(c.text("sig->ss"), ss, n)
	}
}

func pselect(c *Call) int64 {
	if c.Args[5] == 0 {
		return c.perform()
	}
	ss, ok1 := c.load64(c.Args[5])
	n, ok2 := c.load64(c.Args[5] + 8)
	if !ok1 || !ok2 {
		return errno(unix.EFAULT)
	}
	c.raw[5] = 0
	return c.masked(ss, n)
}

// withMask makes a call whose argument set is a signal mask of size bytes: the guest's mask is ours to keep.
func withMask(set, size int) func(c *Call) int64 {
	return func(c *Call) int64 {
		c.raw[set] = 0
		return c.masked(c.Args[set], c.Args[size])
	}
}

// masked makes a call under the signal mask at guest address set.
func (c *Call) masked(set, size uint64) int64 {
	if set == 0 {
		return c.perform()
	}
	if size != linux.SizeofSigset {
		return errno(unix.EINVAL)
	}
	m, ok := c.load64(set)
	if !ok {
		return errno(unix.EFAULT)
	}
	if !c.e.sig.TempMask(c.t, m) {
		return -signal.ERESTARTNOINTR
	}
	r := c.perform()
	if !interrupted(r) {
		c.e.sig.RestoreMask(c.t)
	}
	return r
}

func aioRows() []row {
	return []row{
		sys("io_setup", A{Int("nr_events"), InOut("ctxp", N(8))}),
		sys("io_destroy", A{Addr("ctx")}),
		sys("io_submit", A{Addr("ctx_id"), Long("nr"), In("iocbpp", Times(Arg(1), 8))}, Before(ioSubmit)),
		sys("io_cancel", A{Addr("ctx_id"), In("iocb", N(linux.SizeofIocb)), Out("result", N(linux.SizeofIoEvent))}),
		sys("io_getevents", A{Addr("ctx_id"), Long("min_nr"), Long("nr"), Out("events", Times(Arg(2), linux.SizeofIoEvent)).
			Post(Times(Result, linux.SizeofIoEvent)), InOut("timeout", N(linux.SizeofTimespec)).Opt()}, MayBlock,
			After(ioGetevents)),
		sys("io_pgetevents", A{Addr("ctx_id"), Long("min_nr"), Long("nr"), Out("events", Times(Arg(2), linux.SizeofIoEvent)).
			Post(Times(Result, linux.SizeofIoEvent)), InOut("timeout", N(linux.SizeofTimespec)).Opt(),
			In("usig", N(16)).Opt()}, MayBlock, Before(pselectBefore), Do(pselect), After(ioGetevents)),
		sys("io_uring_setup", A{Int("entries"), InOut("p", N(linux.SizeofIoUringParms))}, NewFD, Do(uringSetup)),
		sys("io_uring_enter", A{FD("fd"), Int("to_submit"), Int("min_complete"), Hex("flags"), Addr("sig"), Addr("sigsz")}, MayBlock,
			Before(uringEnter), Do(uringMask)),
		sys("io_uring_register", A{Int("fd"), Hex("opcode"), Addr("arg"), Int("nr_args")}, Sub(uringRegisterRow)),
	}
}

// Commands of struct iocb: include/uapi/linux/aio_abi.h.
const (
	iocbPread   = 0
	iocbPwrite  = 1
	iocbPreadv  = 7
	iocbPwritev = 8
)

// ioSubmit follows the requests of io_submit.
func ioSubmit(c *Call) {
	n := c.Args[1]
	if int64(n) <= 0 || n > 1<<20 {
		return
	}
	for i := range n {
		p, ok := c.load64(c.Args[2] + 8*i)
		if !ok {
			return
		}
		c.read(c.text("iocb"), p, linux.SizeofIocb)
		op, _ := c.load32(p + 16)
		buf, _ := c.load64(p + 24)
		size, ok := c.load64(p + 32)
		if !ok {
			return
		}
		switch op & 0xffff {
		case iocbPread:
			c.write(c.text("PREAD"), buf, size)
		case iocbPwrite:
			c.read(c.text("PWRITE"), buf, size)
		case iocbPreadv:
			c.read(c.text("PREADV"), buf, size*linux.SizeofIovec)
			for _, r := range c.loadIovec(buf, min(size, maxIovec)) {
				c.write(c.text("PREADV(iov[i])"), uint64(r.Start), r.Len())
			}
		case iocbPwritev:
			c.read(c.text("PWRITEV"), buf, size*linux.SizeofIovec)
			for _, r := range c.loadIovec(buf, min(size, maxIovec)) {
				c.read(c.text("PWRITEV(iov[i])"), uint64(r.Start), r.Len())
			}
		}
	}
}

// ioGetevents marks what the requests that have ended read: the event names the request's iocb.
func ioGetevents(c *Call) {
	for i := range uint64(c.Result) {
		ev := c.Args[3] + i*linux.SizeofIoEvent
		p, _ := c.load64(ev + 8)
		res, ok := c.load64(ev + 16)
		if !ok || int64(res) <= 0 {
			continue
		}
		op, _ := c.load32(p + 16)
		buf, _ := c.load64(p + 24)
		size, _ := c.load64(p + 32)
		switch op & 0xffff {
		case iocbPread:
			c.wrote(buf, min(res, size))
		case iocbPreadv:
			c.iov = c.loadIovec(buf, min(size, maxIovec))
			c.wroteIovec(res)
		}
	}
}
