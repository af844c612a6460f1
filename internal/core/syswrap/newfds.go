package syswrap

import (
	"fmt"
	"sync"

	"gogrind/internal/linux"
	"gogrind/internal/tool"

	"golang.org/x/sys/unix"
)

// Descriptors is told what becomes of the guest's descriptors (--track-fds). Its methods are called by the thread that made
// the call.
type Descriptors interface {
	// Opened: fd is new. name is the file name that the call gave, "" if it gave none; copied says that fd was made from
	// another descriptor.
	Opened(t tool.Thread, fd int, name string, copied bool)
	// Closed: fd is no more.
	Closed(t tool.Thread, fd int)
	// NotOpen: call failed because fd is not open.
	NotOpen(t tool.Thread, call string, fd int)
}

// numberedByCaller are calls whose new descriptor has a number that the caller has chosen.
var numberedByCaller = map[string]bool{"dup2": true, "dup3": true, "fcntl": true}

// descriptors follows what a call that has succeeded did to descriptors.
func (c *Call) descriptors() {
	switch {
	case c.newFD():
		c.Result = c.e.limitFD(c)
		if c.Result < 0 {
			return
		}
		if !numberedByCaller[c.row.name] {
			c.Result = c.renumber(c.Result)
		}
		c.opened(c.Result)
	case c.row.flags&NewPair != 0:
		c.newPair()
	}
	d := c.e.cfg.Descriptors
	if d == nil {
		return
	}
	switch c.row.name {
	case "close":
		d.Closed(c.t, int(int32(c.Args[0])))
	case "close_range":
		if c.Args[2]&unix.CLOSE_RANGE_CLOEXEC != 0 {
			return
		}
		last := uint64(uint32(c.Args[1]))
		if tool := c.e.cfg.FirstToolFD; tool > 0 {
			last = min(last, uint64(tool)-1)
		}
		for fd := uint64(uint32(c.Args[0])); fd <= last && fd < c.e.noFile(); fd++ {
			d.Closed(c.t, int(fd))
		}
	}
}

// notOpen tells of a descriptor that made the call fail.
func (c *Call) notOpen() {
	d := c.e.cfg.Descriptors
	if d == nil || c.Result != errno(unix.EBADF) {
		return
	}
	nr, _ := linux.SyscallNumber("fcntl")
	for i := range c.row.args {
		p := &c.row.args[i]
		if p.kind != kFD || p.when != nil && !p.when(c) {
			continue
		}
		// EBADF is also said of descriptors that are open in another mode.
		fd := int32(c.Args[i])
		if fd < 0 || c.e.toolFD(fd) || c.t.Raw(uintptr(nr), [6]uint64{uint64(fd), unix.F_GETFD}) < 0 {
			d.NotOpen(c.t, c.name(), int(fd))
			return
		}
	}
}

// opened tells of the new descriptor fd.
func (c *Call) opened(fd int64) {
	d := c.e.cfg.Descriptors
	if d == nil || c.row.name == "dup2" && c.Args[0] == c.Args[1] {
		return
	}
	name, copied := "", c.row.name == "dup" || numberedByCaller[c.row.name]
	for i := range c.row.args {
		if c.row.args[i].kind == kPath {
			name, _ = c.loadString(c.Args[i], unix.PathMax)
			break
		}
	}
	d.Opened(c.t, int(fd), name, copied)
}

// newPair is what descriptors does for a call that stores two new ones.
func (c *Call) newPair() {
	arg := 0
	for c.row.args[arg].kind != kOut {
		arg++
	}
	a, ok1 := c.load32(c.Args[arg])
	b, ok2 := c.load32(c.Args[arg] + 4)
	if !ok1 || !ok2 {
		return
	}
	nr, _ := linux.SyscallNumber("close")
	for _, fd := range []uint32{a, b} {
		if uint64(fd) < c.e.noFile() && !c.e.toolFD(int32(fd)) {
			continue
		}
		c.t.Raw(uintptr(nr), [6]uint64{uint64(a)})
		c.t.Raw(uintptr(nr), [6]uint64{uint64(b)})
		c.Result = errno(unix.EMFILE)
		return
	}
	if c.e.cfg.ModifyFDs != "" {
		var pair [8]byte
		a, b = uint32(c.renumber(int64(a))), uint32(c.renumber(int64(b)))
		put32(pair[0:], a)
		put32(pair[4:], b)
		c.store(c.Args[arg], pair[:])
	}
	c.opened(int64(a))
	c.opened(int64(b))
}

// renumber gives the new descriptor fd the highest number that is free, if that is asked for, and returns its number. A program
// that goes on using a number after closing it is then not lucky with the next file that it opens. With "yes", standard
// descriptors keep their numbers: closing and opening them again is how they are redirected.
func (c *Call) renumber(fd int64) int64 {
	const lastStandard = 2
	e := c.e
	if e.cfg.ModifyFDs == "" || e.cfg.ModifyFDs == "yes" && fd <= lastStandard {
		return fd
	}
	fcntl, _ := linux.SyscallNumber("fcntl")
	closeNr, _ := linux.SyscallNumber("close")
	call := func(cmd, arg uint64) int64 { return c.t.Raw(uintptr(fcntl), [6]uint64{uint64(fd), cmd, arg}) }
	dup := uint64(unix.F_DUPFD)
	if call(unix.F_GETFD, 0)&unix.FD_CLOEXEC != 0 {
		dup = unix.F_DUPFD_CLOEXEC
	}
	top := int64(min(e.noFile(), 1<<30))
	if e.cfg.FirstToolFD > 0 {
		top = min(top, int64(e.cfg.FirstToolFD))
	}
	for n := top - 1; n > fd; n-- {
		if c.t.Raw(uintptr(fcntl), [6]uint64{uint64(n), unix.F_GETFD}) >= 0 {
			continue
		}
		r := call(dup, uint64(n))
		switch {
		case r < 0:
			return fd
		case r == n:
			c.t.Raw(uintptr(closeNr), [6]uint64{uint64(fd)})
			return n
		}
		c.t.Raw(uintptr(closeNr), [6]uint64{uint64(r)}) // another thread was faster
	}
	return fd
}

// receivedDescriptors tells of descriptors in the control messages at a, n bytes of them.
func (c *Call) receivedDescriptors(a, n uint64) {
	const header = 16 // struct cmsghdr
	if c.e.cfg.Descriptors == nil {
		return
	}
	for n >= header {
		size, ok := c.load64(a)
		level, ok1 := c.load32(a + 8)
		kind, ok2 := c.load32(a + 12)
		if !ok || !ok1 || !ok2 || size < header || size > n {
			return
		}
		if level == unix.SOL_SOCKET && kind == unix.SCM_RIGHTS {
			for off := uint64(header); off+4 <= size; off += 4 {
				if fd, ok := c.load32(a + off); ok {
					c.opened(int64(fd))
				}
			}
		}
		step := (size + 7) &^ 7
		if step >= n {
			return
		}
		a, n = a+step, n-step
	}
}

// warnsOfDescriptor are the calls for which Valgrind warns of a descriptor that no program can have, with the name it gives them.
// For dup2 and dup3 the new descriptor is looked at, for all others the first one.
var warnsOfDescriptor = sync.OnceValue(func() map[string]string {
	names := map[string]string{"copy_file_range": "copy_file_range(fd_in)", "splice": "splice(fd_in)", "tee": "tee(fd_in)",
		"vmsplice": "vmsplice(fd)"}
	for _, n := range []string{"close", "dup2", "dup3", "fallocate", "mq_getsetattr", "mq_notify", "mq_timedreceive", "mq_timedsend", "openat",
		"preadv", "preadv2", "pwritev", "pwritev2", "read", "readahead", "readv", "setns", "sync_file_range", "timerfd_gettime",
		"timerfd_settime", "write", "writev"} {
		names[n] = n
	}
	return names
})

// impossibleFD warns of a descriptor that is negative or above the hard limit.
func (c *Call) impossibleFD() {
	warn := c.e.cfg.WarnFD
	if warn == nil {
		return
	}
	name := c.row.warnFD
	if name == "" {
		return
	}
	fd := int32(c.Args[0])
	switch c.row.name {
	case "dup2", "dup3":
		fd = int32(c.Args[1])
	case "openat":
		if b := [1]byte{}; fd == atFDCWD || c.load(b[:], c.Args[1]) && b[0] == '/' {
			return
		}
	}
	if fd < 0 || uint64(fd) >= c.e.noFile() && uint64(fd) >= c.e.Limits()[unix.RLIMIT_NOFILE].Max {
		warn(fmt.Sprintf("Warning: invalid file descriptor %d in syscall %s()", fd, name))
	}
}
