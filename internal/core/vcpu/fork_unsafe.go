package vcpu

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

// Fork (DESIGN.md, "How does a Go process fork?"): only the calling thread survives a fork, but the Go runtime needs all of
// its threads. So every other thread is stopped in a signal handler first, and the child makes each of them anew, from the
// signal frame that the handler left: the runtime goes on in the child as if nothing had happened. Threads of the guest
// other than the caller come back to Go, too, so that no lock stays held, but never run guest code again (Context.Dead).
//
// Threads in Context.Syscall are left alone, so that no call is interrupted: they do not exist in the child, where their
// goroutines are in a system call for ever, and in the parent they wait at the end of the call until the fork is done.
//
// Between the first stop and the end only code runs that needs nothing of the Go runtime: nosplit, raw system calls, no Go heap.

// StopSignal stops threads for a fork: Go never blocks it in its threads, and hardly any program uses it. Guest threads
// must not block it either.
const StopSignal = unix.SIGSTKFLT

// maxStopped is how many threads a process may have at a fork: more than there is room for thread contexts.
const maxStopped = 40000

// stopped is a thread that waits in stopHandler. Assembly knows the layout, and that its size is 64.
type stopped struct {
	frame  uintptr // stack pointer for rt_sigreturn
	fs, gs uintptr // segment bases
	tid    uintptr
	ctx    uintptr // address of its Context, 0 for a thread without guest
	uc     uintptr // ucontext in the frame
	procid uintptr // address of m.procid, 0 if it was not where it should be
	ready  uintptr // 1 while the fields above are valid: until the parent's thread goes on or the child's has used them
}

//lint:ignore U1000 forkAddresses takes its address
func stopHandler()
func recreate(s *stopped) int64
func rawSys(nr, a1, a2, a3, a4, a5, a6 uintptr) uintptr
func forkAddresses() (handler, sysCheck, sysIssued, sysAbort uintptr)

// Globals of stopHandler.
var (
	stopTable uintptr // [maxStopped]stopped
	stopCount uint64  // entries in use
	stopPhase uint32  // changes when stopped threads may go on
	stopExit  uint32  // 1: they end instead
	stopEnded uint64  // how many have
	forking   uint32  // 1 from before the first stop to the end: threads that come out of Context.Syscall wait
)

// forker is what Fork needs; filled by initFork, then used by one thread at a time.
var forker struct {
	stop                             kernelAction
	sysCheck, sysIssued, sysAbort    uintptr
	procOff                          uintptr // FS base - procOff is the address of m.procid
	epoll, event                     int     // Go's network poller
	proc                             int     // descriptor of /proc, valid after chroot, too
	taskName, statusName, fdinfoPath []byte  // zero-terminated
	idLine                           []byte
	sent                             []uint32
	tids                             []uint32
	text                             []byte // of directories and files in /proc
}

// initFork is called once by Init, on a thread without guest.
func initFork(poller []int) error {
	f := &forker
	handler, check, issued, abort := forkAddresses()
	f.stop = kernelAction{handler, saSiginfo | saRestorer | saOnStack | saRestart, restore, ^uint64(0)}
	f.sysCheck, f.sysIssued, f.sysAbort = check, issued, abort
	mem, err := unix.Mmap(-1, 0, maxStopped*int(unsafe.Sizeof(stopped{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return fmt.Errorf("vcpu: memory for stopped threads: %w", err)
	}
	stopTable = uintptr(unsafe.Pointer(&mem[0]))
	if f.procOff, err = findProcID(); err != nil {
		return err
	}
	if poller != nil {
		f.epoll, f.event = poller[0], poller[1]
	} else if f.epoll, f.event, err = findPoller(); err != nil {
		return err
	}
	// Above the guest's descriptors, as everything that the tool keeps open.
	fd, err := unix.Open("/proc", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("vcpu: /proc: %w", err)
	}
	defer unix.Close(fd)
	if f.proc, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, f.epoll); err != nil {
		return fmt.Errorf("vcpu: descriptor of /proc: %w", err)
	}
	f.taskName, f.statusName, f.idLine = []byte("self/task\x00"), []byte("/status\x00"), []byte("NSpid:")
	f.fdinfoPath = []byte("self/fdinfo/" + strconv.Itoa(f.epoll) + "\x00")
	f.sent, f.tids = make([]uint32, maxStopped), make([]uint32, maxStopped)
	f.text = make([]byte, 64<<10)
	return nil
}

// findProcID finds m.procid, the runtime's note of a thread's id, which lies just below the thread's FS base (m.tls).
func findProcID() (uintptr, error) {
	fs, _ := segments()
	tid := uint64(unix.Gettid())
	const reach = 256
	for off := uintptr(8); off < reach; off += 8 {
		if *(*uint64)(guest.Pointer(fs - off)) == tid {
			return off, nil
		}
	}
	return 0, errors.New("vcpu: Go's m.procid is not where this Go version is known to keep it")
}

// findPoller finds the epoll instance and the eventfd of Go's network poller, which has been started. Others may have been
// inherited: Go's is the one whose registered event has an address in our image as its data.
func findPoller() (epoll, event int, err error) {
	const imageReach = 64 << 20 // our image may be anywhere: tests are linked without the tools' flags
	dir, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0, 0, fmt.Errorf("vcpu: %w", err)
	}
	for _, e := range dir {
		link, _ := os.Readlink(filepath.Join("/proc/self/fd", e.Name()))
		if link != "anon_inode:[eventpoll]" {
			continue
		}
		info, err := os.ReadFile(filepath.Join("/proc/self/fdinfo", e.Name()))
		if err != nil {
			continue
		}
		for l := range strings.Lines(string(info)) {
			var tfd int
			var events, data uint64
			if n, _ := fmt.Sscanf(l, "tfd: %d events: %x data: %x", &tfd, &events, &data); n < 3 {
				continue
			}
			if d := int64(data) - int64(uintptr(unsafe.Pointer(&pid))); d > -imageReach && d < imageReach {
				epoll, err := strconv.Atoi(e.Name())
				return epoll, tfd, err
			}
		}
	}
	return 0, 0, errors.New("vcpu: Go's network poller is not among the open descriptors")
}

// ForkCall is a fork as the guest asked for it.
type ForkCall struct {
	Flags uint64  // of clone, with the exit signal in the low byte; no memory or thread is shared
	Pidfd uintptr // where the kernel stores the descriptor of CLONE_PIDFD
	// Others are the contexts of all other guest threads; those that are missing are stopped even in Context.Syscall.
	Others []*Context
	// Close are descriptors that threads other than the caller wait on, and that do not belong to the child.
	Close []int

	alone  *aloneCall // what to do instead of a fork
	self   *Context
	spared []uint32 // threads in Context.Syscall
	result uintptr
	mask   uint64
	old    kernelAction
	failed bool // the threads could not be listed
}

// ErrThreads says that a fork was not tried because the process's threads can't be found in /proc (NSpid: since Linux 4.1).
var ErrThreads = errors.New("/proc does not show the threads of this process")

// Fork forks the process. It returns 0 in the child, where c is the only guest thread that may run guest code and the main
// context. The caller is c's thread and sees to it that nobody else calls Fork at the same time.
func (c *Context) Fork(f *ForkCall) (pid int, err error) {
	f.self = c
	f.spared = make([]uint32, 0, len(f.Others))
	f.do()
	if f.failed {
		return 0, ErrThreads
	}
	if r := int64(f.result); r < 0 {
		return 0, unix.Errno(-r)
	}
	return int(f.result), nil
}

// aloneCall is a system call to be made with one thread.
type aloneCall struct {
	nr   uintptr
	args [6]uint64
}

// Alone makes a system call that the kernel refuses to processes with several threads: all threads but the caller's are stopped as for a
// fork, end, and are made again behind the call. There must be no other guest thread, and c's must be the process's first. It returns
// the raw result.
func (c *Context) Alone(nr uintptr, args *[6]uint64) (int64, error) {
	f := &ForkCall{self: c, alone: &aloneCall{nr, *args}}
	f.do()
	if f.failed {
		return 0, ErrThreads
	}
	return int64(f.result), nil
}

//go:nosplit
func (f *ForkCall) do() {
	entersyscall()
	f.raw()
	exitsyscall()
}

//go:nosplit
func (f *ForkCall) raw() {
	all := ^uint64(0)
	rawSys(unix.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&f.mask)), 8, 0, 0)
	rawSys(unix.SYS_RT_SIGACTION, uintptr(StopSignal), uintptr(unsafe.Pointer(&forker.stop)), uintptr(unsafe.Pointer(&f.old)), 8, 0, 0)
	atomic.SwapUint32(&forking, 1)
	for _, o := range f.Others {
		if atomic.LoadUint64(&o.InKernel) == 1 {
			f.spared = f.spared[:len(f.spared)+1]
			f.spared[len(f.spared)-1] = uint32(o.TID)
		}
	}
	f.failed = !f.stopThreads(uintptr(f.self.TID))
	n := uintptr(atomic.LoadUint64(&stopCount))
	for i := range n {
		s := stoppedAt(i)
		fs := s.fs
		if s.ctx != 0 {
			fs = uintptr((*Context)(guest.Pointer(s.ctx)).HostFS)
		}
		s.procid = fs - forker.procOff
		if *(*uintptr)(guest.Pointer(s.procid)) != s.tid {
			s.procid = 0
		}
	}
	alone := f.alone != nil && !f.failed
	switch {
	case alone:
		endThreads(n)
		f.callAlone()
	case !f.failed:
		f.result = rawSys(unix.SYS_CLONE, uintptr(f.Flags), 0, f.Pidfd, 0, 0, 0)
	}
	rawSys(unix.SYS_RT_SIGACTION, uintptr(StopSignal), uintptr(unsafe.Pointer(&f.old)), 0, 8, 0, 0)
	atomic.StoreUint32(&forking, 0)
	switch {
	case alone:
		recreateThreads(n)
	case f.failed || f.result != 0:
		for i := range n {
			stoppedAt(i).ready = 0
		}
		goOn()
		futexWake(&forking)
	default:
		f.child(n)
	}
	rawSys(unix.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&f.mask)), 0, 8, 0, 0)
}

// goOn lets the stopped threads go on, or end.
//
//go:nosplit
func goOn() {
	atomic.AddUint32(&stopPhase, 1)
	futexWake(&stopPhase)
}

//go:nosplit
func futexWake(word *uint32) {
	const wake, everyone = 129, 1 << 30 // FUTEX_WAKE_PRIVATE
	rawSys(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), wake, everyone, 0, 0, 0)
}

// endThreads ends the n stopped threads and waits until none uses its stack any more, which will be needed again. A list of threads in
// /proc is cut short where one ends meanwhile, so the first that shows one only says nothing.
//
//go:nosplit
func endThreads(n uintptr) {
	atomic.StoreUint64(&stopEnded, 0)
	atomic.StoreUint32(&stopExit, 1)
	goOn()
	for atomic.LoadUint64(&stopEnded) != uint64(n) {
		rawSys(unix.SYS_SCHED_YIELD, 0, 0, 0, 0, 0, 0)
	}
	atomic.StoreUint32(&stopExit, 0)
	for alone := 0; alone < 3; alone++ {
		if readThreads() != 1 {
			alone = 0
			rawSys(unix.SYS_SCHED_YIELD, 0, 0, 0, 0, 0, 0)
		}
	}
}

// callAlone makes the call. A thread that /proc does not show any more may count a little longer.
//
//go:nosplit
func (f *ForkCall) callAlone() {
	const tries, pause = 100, 100e3 // ns
	wait := unix.Timespec{Nsec: pause}
	a := &f.alone.args
	for range tries {
		f.result = rawSys(f.alone.nr, uintptr(a[0]), uintptr(a[1]), uintptr(a[2]), uintptr(a[3]), uintptr(a[4]), uintptr(a[5]))
		if int64(f.result) != -int64(unix.EINVAL) {
			break
		}
		rawSys(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&wait)), 0, 0, 0, 0, 0)
	}
}

// recreateThreads makes the n stopped threads anew.
//
//go:nosplit
func recreateThreads(n uintptr) {
	for i := range n {
		if recreate(stoppedAt(i)) < 0 {
			dieWithoutThreads()
		}
	}
}

//go:nosplit
func stoppedAt(i uintptr) *stopped {
	return (*stopped)(guest.Pointer(stopTable + i*unsafe.Sizeof(stopped{})))
}

// stopThreads stops all threads but self. The list of threads is read until two readings in a row show none that has not
// stopped: a thread may make another one until it stops itself. It reports whether the list was one of this process.
//
//go:nosplit
func (call *ForkCall) stopThreads(self uintptr) bool {
	f := &forker
	for i := range uintptr(atomic.LoadUint64(&stopCount)) {
		// After a fork that made this process its threads may not all have begun yet.
		for atomic.LoadUintptr(&stoppedAt(i).ready) != 0 {
			rawSys(unix.SYS_SCHED_YIELD, 0, 0, 0, 0, 0, 0)
		}
	}
	atomic.StoreUint64(&stopCount, 0)
	sent := 0
	for quiet := 0; quiet < 2; {
		before := atomic.LoadUint64(&stopCount)
		n := listThreads(self)
		if n == 0 && sent == 0 {
			return false
		}
		if n == 0 {
			quiet = 0 // no memory or descriptors for a moment: there is no way back before all have stopped
			continue
		}
		all := true
		for _, tid := range f.tids[:n] {
			if uintptr(tid) == self || tid == 0 || contains(call.spared, tid) {
				continue
			}
			if !contains(f.sent[:sent], tid) && sent < maxStopped {
				rawSys(unix.SYS_TGKILL, uintptr(pid), uintptr(tid), uintptr(StopSignal), 0, 0, 0)
				f.sent[sent] = tid
				sent++
				all = false
			} else if !isStopped(uintptr(tid)) {
				all = false
			}
		}
		if all && before == atomic.LoadUint64(&stopCount) {
			quiet++
			continue
		}
		quiet = 0
		rawSys(unix.SYS_SCHED_YIELD, 0, 0, 0, 0, 0, 0)
	}
	return true
}

//go:nosplit
func contains(list []uint32, tid uint32) bool {
	for _, x := range list {
		if x == tid {
			return true
		}
	}
	return false
}

//go:nosplit
func isStopped(tid uintptr) bool {
	n := uintptr(atomic.LoadUint64(&stopCount))
	for i := range n {
		s := stoppedAt(i)
		if atomic.LoadUintptr(&s.ready) == 1 && s.tid == tid {
			return true
		}
	}
	return false
}

// child makes the copy of the process one that runs: n threads were stopped.
//
//go:nosplit
func (f *ForkCall) child(n uintptr) {
	c := f.self
	pid = int32(rawSys(unix.SYS_GETPID, 0, 0, 0, 0, 0, 0))
	c.TID = uint64(rawSys(unix.SYS_GETTID, 0, 0, 0, 0, 0, 0))
	for ; c.RingR != c.RingW; c.RingR++ { // signals of the parent's
		*(*uint64)(unsafe.Pointer(&c.Ring[c.RingR%ringSize])) = 0
	}
	mainContext = uintptr(unsafe.Pointer(c))
	*(*uint64)(guest.Pointer(uintptr(c.HostFS) - forker.procOff)) = c.TID
	rawSys(unix.SYS_TGKILL, uintptr(pid), uintptr(c.TID), uintptr(unix.SIGURG), 0, 0, 0)
	for _, fd := range f.Close {
		rawSys(unix.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0)
	}
	renewPoller()
	const rip = 168 // of a ucontext: asm/sigcontext.h
	for i := range n {
		s := stoppedAt(i)
		if s.ctx == 0 {
			continue
		}
		other := (*Context)(guest.Pointer(s.ctx))
		other.Dead, other.Pending = 1, 1
		if p := (*uintptr)(guest.Pointer(s.uc + rip)); *p >= forker.sysCheck && *p <= forker.sysIssued {
			*p = forker.sysAbort // the parent's thread makes this call
		}
	}
	recreateThreads(n)
}

// dieWithoutThreads ends a process that may not have as many threads as its parent, or as it had (RLIMIT_NPROC, control groups).
//
//go:nosplit
func dieWithoutThreads() {
	const text = "gogrind: a process could not get its threads\n"
	rawSys(unix.SYS_WRITE, 2, uintptr(unsafe.Pointer(unsafe.StringData(text))), uintptr(len(text)), 0, 0, 0)
	rawSys(unix.SYS_EXIT_GROUP, 127, 0, 0, 0, 0, 0)
}

// epollEvent is struct epoll_event of the kernel, which is packed on amd64.
type epollEvent struct {
	events uint32
	data   [8]byte
}

// renewPoller gives Go's network poller an epoll instance and an eventfd of the child's own under the same numbers: the
// inherited ones are shared with the parent, which would get the child's wake-ups. The registrations are those of the
// inherited epoll instance, as /proc tells them: "tfd:       12 events:       19 data:     6a1b40 ...".
//
//go:nosplit
func renewPoller() {
	fr := &forker
	fd := rawSys(unix.SYS_OPENAT, uintptr(fr.proc), uintptr(unsafe.Pointer(&fr.fdinfoPath[0])), unix.O_CLOEXEC, 0, 0, 0)
	n := 0
	if int(fd) >= 0 {
		n = int(rawSys(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&fr.text[0])), uintptr(len(fr.text)), 0, 0, 0))
		rawSys(unix.SYS_CLOSE, fd, 0, 0, 0, 0, 0)
	}
	event := rawSys(unix.SYS_EVENTFD2, 0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK, 0, 0, 0, 0)
	rawSys(unix.SYS_DUP3, event, uintptr(fr.event), unix.O_CLOEXEC, 0, 0, 0)
	rawSys(unix.SYS_CLOSE, event, 0, 0, 0, 0, 0)
	epoll := rawSys(unix.SYS_EPOLL_CREATE1, unix.EPOLL_CLOEXEC, 0, 0, 0, 0, 0)
	for i := 0; i+4 < n; i++ {
		if fr.text[i] != 't' || fr.text[i+1] != 'f' || fr.text[i+2] != 'd' || fr.text[i+3] != ':' {
			continue
		}
		var target, events, data uint64
		target, i = number(i, n, 10)
		events, i = number(i, n, 16)
		data, i = number(i, n, 16)
		e := epollEvent{events: uint32(events)}
		*(*uint64)(unsafe.Pointer(&e.data)) = data
		rawSys(unix.SYS_EPOLL_CTL, epoll, unix.EPOLL_CTL_ADD, uintptr(target), uintptr(unsafe.Pointer(&e)), 0, 0)
	}
	rawSys(unix.SYS_DUP3, epoll, uintptr(fr.epoll), unix.O_CLOEXEC, 0, 0, 0)
	rawSys(unix.SYS_CLOSE, epoll, 0, 0, 0, 0, 0)
}

// number reads the number behind the next colon in forker.text[i:n] and returns the position behind it.
//
//go:nosplit
func number(i, n int, base uint64) (v uint64, next int) {
	text := forker.text
	for i < n && text[i] != ':' {
		i++
	}
	for i++; i < n && text[i] == ' '; i++ {
	}
	for ; i < n; i++ {
		c := uint64(text[i])
		switch {
		case c >= '0' && c <= '9':
			v = v*base + c - '0'
		case base == 16 && c >= 'a' && c <= 'f':
			v = v*base + c - 'a' + 10
		default:
			return v, i
		}
	}
	return v, i
}
