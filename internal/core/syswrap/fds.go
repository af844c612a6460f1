package syswrap

import (
	"gogrind/internal/linux"

	"golang.org/x/sys/unix"
)

// atFDCWD is AT_FDCWD.
const atFDCWD = unix.AT_FDCWD

// toolFD reports whether fd is a descriptor of the tool.
func (e *Engine) toolFD(fd int32) bool {
	return e.cfg.FirstToolFD > 0 && int(fd) >= e.cfg.FirstToolFD
}

// limitFD takes a new descriptor back that the guest's own limit would not have allowed: the tool's limit is higher,
// as its descriptors lie above the guest's. It returns the result of the call.
func (e *Engine) limitFD(c *Call) int64 {
	if uint64(c.Result) < e.NoFile().Cur {
		return c.Result
	}
	nr, _ := linux.SyscallNumber("close")
	c.t.Raw(uintptr(nr), [6]uint64{uint64(c.Result)})
	return errno(unix.EMFILE)
}

// dupTo is dup2, dup3: the new descriptor must be one the guest may have.
func dupTo(c *Call) int64 {
	if fd := c.Args[1]; c.e.cfg.FirstToolFD > 0 && uint64(uint32(fd)) >= uint64(c.e.cfg.FirstToolFD) ||
		uint64(uint32(fd)) >= c.e.NoFile().Cur {
		return errno(unix.EBADF)
	}
	return c.perform()
}

// closeRange is close_range: the tool's descriptors stay open.
func closeRange(c *Call) int64 {
	first, last := uint32(c.Args[0]), uint32(c.Args[1])
	if tool := uint32(c.e.cfg.FirstToolFD); tool > 0 && first <= last {
		if first >= tool {
			return 0 // nothing of the guest's is open there
		}
		c.raw[1] = uint64(min(last, tool-1))
	}
	return c.perform()
}

// noFileLimit answers calls about RLIMIT_NOFILE of the calling process from what the guest believes. set and get are guest
// addresses, 0 for none.
func (c *Call) noFileLimit(set, get uint64) int64 {
	e := c.e
	old := e.NoFile()
	if set != 0 {
		cur, ok1 := c.load64(set)
		max, ok2 := c.load64(set + 8)
		switch {
		case !ok1 || !ok2:
			return errno(unix.EFAULT)
		case cur > max:
			return errno(unix.EINVAL)
		case max > old.Max && unix.Geteuid() != 0:
			return errno(unix.EPERM)
		}
		e.mu.Lock()
		e.nofile = unix.Rlimit{Cur: cur, Max: max}
		e.mu.Unlock()
	}
	if get != 0 {
		var b [16]byte
		put64(b[0:], old.Cur)
		put64(b[8:], old.Max)
		if !c.store(get, b[:]) {
			return errno(unix.EFAULT)
		}
	}
	return 0
}

func getrlimit(c *Call) int64 {
	if uint32(c.Args[0]) == unix.RLIMIT_NOFILE {
		return c.noFileLimit(0, c.Args[1])
	}
	return c.perform()
}

func setrlimit(c *Call) int64 {
	if uint32(c.Args[0]) == unix.RLIMIT_NOFILE {
		return c.noFileLimit(c.Args[1], 0)
	}
	return c.perform()
}

func prlimit(c *Call) int64 {
	pid := int(int32(c.Args[0]))
	if uint32(c.Args[1]) == unix.RLIMIT_NOFILE && (pid == 0 || pid == unix.Getpid()) {
		return c.noFileLimit(c.Args[2], c.Args[3])
	}
	return c.perform()
}
