package syswrap

import (
	"maps"
	"math"

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
// as its descriptors lie above the guest's. One above them, which the guest could not use, is taken back, too. It returns
// the result of the call.
func (e *Engine) limitFD(c *Call) int64 {
	if uint64(c.Result) < e.noFile() && !e.toolFD(int32(c.Result)) {
		return c.Result
	}
	nr, _ := linux.SyscallNumber("close")
	c.t.Raw(uintptr(nr), [6]uint64{uint64(c.Result)})
	return errno(unix.EMFILE)
}

// dupTo is dup2, dup3: the new descriptor must be one the guest may have.
func dupTo(c *Call) int64 {
	if fd := c.Args[1]; c.e.cfg.FirstToolFD > 0 && uint64(uint32(fd)) >= uint64(c.e.cfg.FirstToolFD) ||
		uint64(uint32(fd)) >= c.e.noFile() {
		if c.name() == "dup3" && (uint32(c.Args[2])&^unix.O_CLOEXEC != 0 || uint32(c.Args[0]) == uint32(fd)) {
			return errno(unix.EINVAL) // what the kernel looks at first
		}
		return errno(unix.EBADF)
	}
	return c.perform()
}

// closeRange is close_range: the tool's descriptors stay open.
func closeRange(c *Call) int64 {
	first, last := uint32(c.Args[0]), uint32(c.Args[1])
	if tool := uint32(c.e.cfg.FirstToolFD); tool > 0 && first <= last {
		c.raw[1] = uint64(min(last, tool-1))
		if first >= tool { // nothing of the guest's is open there: the kernel looks at the flags only
			const none = math.MaxUint32
			c.raw[0], c.raw[1] = none, none
		}
	}
	return c.perform()
}

// ownLimits are the limits that the guest has for itself: what the kernel enforces is the tool's, whose descriptors lie above
// the guest's, and whose reservations and shadow memory would count as the guest's address space and data.
var ownLimits = []int{unix.RLIMIT_NOFILE, unix.RLIMIT_AS, unix.RLIMIT_DATA}

// startLimits are the guest's own limits at start.
func startLimits(cfg *Config) map[int]unix.Rlimit {
	limits := map[int]unix.Rlimit{unix.RLIMIT_NOFILE: cfg.NoFile}
	for what, l := range map[int]unix.Rlimit{unix.RLIMIT_AS: cfg.AddressSpace, unix.RLIMIT_DATA: cfg.Data} {
		if l != (unix.Rlimit{}) {
			limits[what] = l
		}
	}
	for _, what := range ownLimits {
		if _, ok := limits[what]; ok {
			continue
		}
		var l unix.Rlimit
		if err := unix.Getrlimit(what, &l); err != nil {
			l = unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
		}
		limits[what] = l
	}
	return limits
}

// Limits are the limits, by resource, of which the guest has a view of its own: an exec'ed program must be given them.
func (e *Engine) Limits() map[int]unix.Rlimit {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.limits)
}

// enforce tells the address space of the limits that are its business.
func (e *Engine) enforce() {
	l := e.Limits()
	e.space.SetLimits(l[unix.RLIMIT_AS].Cur, l[unix.RLIMIT_DATA].Cur)
}

// noFile is RLIMIT_NOFILE as the guest sees it.
func (e *Engine) noFile() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.limits[unix.RLIMIT_NOFILE].Cur
}

// ownLimit answers a call about a limit of the calling process from what the guest believes; ok is false if the limit is
// none of ownLimits. set and get are guest addresses, 0 for none.
func (c *Call) ownLimit(what int, set, get uint64) (r int64, ok bool) {
	e := c.e
	old, ok := e.Limits()[what]
	if !ok {
		return 0, false
	}
	if set != 0 {
		cur, ok1 := c.load64(set)
		max, ok2 := c.load64(set + 8)
		switch {
		case !ok1 || !ok2:
			return errno(unix.EFAULT), true
		case cur > max:
			return errno(unix.EINVAL), true
		case max > old.Max && unix.Geteuid() != 0:
			return errno(unix.EPERM), true
		}
		e.mu.Lock()
		e.limits[what] = unix.Rlimit{Cur: cur, Max: max}
		e.mu.Unlock()
		e.enforce()
	}
	if get != 0 {
		var b [16]byte
		put64(b[0:], old.Cur)
		put64(b[8:], old.Max)
		if !c.store(get, b[:]) {
			return errno(unix.EFAULT), true
		}
	}
	return 0, true
}

func getrlimit(c *Call) int64 {
	if r, ok := c.ownLimit(int(int32(c.Args[0])), 0, c.Args[1]); ok {
		return r
	}
	return c.perform()
}

func setrlimit(c *Call) int64 {
	if r, ok := c.ownLimit(int(int32(c.Args[0])), c.Args[1], 0); ok {
		return r
	}
	return c.perform()
}

func prlimit(c *Call) int64 {
	if pid := int(int32(c.Args[0])); pid == 0 || pid == unix.Getpid() {
		if r, ok := c.ownLimit(int(int32(c.Args[1])), c.Args[2], c.Args[3]); ok {
			return r
		}
	}
	return c.perform()
}
