package syswrap

import (
	"testing"

	"golang.org/x/sys/unix"
)

// opened gives two descriptors of files with the contents.
func opened(r *rig, contents string) (a, b uint64) {
	_, fa := tempFile(r, contents)
	_, fb := tempFile(r, "")
	return uint64(fa), uint64(fb)
}

// attributed is a file with the extended attribute user.a.
func attributed(r *rig) (name string, fd uint64) {
	name, f := tempFile(r, "")
	if err := unix.Setxattr(name, "user.a", []byte("value"), 0); err != nil {
		r.Skip("no extended attributes: ", err)
	}
	return name, uint64(f)
}

// listening is a socket that a connection waits at; connected is the other end.
func listening(r *rig) (server, connected uint64) {
	socket := func() int {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		if err != nil {
			r.Fatal(err)
		}
		r.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	s, c := socket(), socket()
	if err := unix.Bind(s, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		r.Fatal(err)
	}
	if err := unix.Listen(s, 4); err != nil {
		r.Fatal(err)
	}
	a, err := unix.Getsockname(s)
	if err != nil {
		r.Fatal(err)
	}
	if err := unix.Connect(c, a); err != nil {
		r.Fatal(err)
	}
	return uint64(s), uint64(c)
}

// timer is a POSIX timer.
func timer(r *rig) uint64 {
	id := r.words(0)
	r.must("timer_create", 1, r.words(0, 1<<32), id) // CLOCK_MONOTONIC, SIGEV_NONE
	c := Call{e: r.e, t: r.t}
	n, _ := c.load32(id)
	r.Cleanup(func() { r.do("timer_delete", uint64(n)) })
	return uint64(n)
}

// queue is a POSIX message queue with a message.
func queue(r *rig) uint64 {
	name := r.str("gogrind-poison")
	r.do("mq_unlink", name)
	q := r.do("mq_open", name, unix.O_CREAT|unix.O_RDWR, 0o600, r.words(0, 4, 32, 0))
	if q < 0 {
		r.Skip("no message queues: ", unix.Errno(-q))
	}
	r.Cleanup(func() { unix.Close(int(q)); r.do("mq_unlink", name) })
	r.must("mq_timedsend", uint64(q), r.str("hello"), 5, 3, 0)
	return uint64(q)
}

func init() { poisonCases = append(poisonCases, morePoison...) }

var morePoison = []poisonCase{
	with("sendfile", func(r *rig, room func(int) uint64) []uint64 {
		a, b := opened(r, "hello")
		return []uint64{b, a, r.words(1), 3}
	}),
	with("copy_file_range", func(r *rig, room func(int) uint64) []uint64 {
		a, b := opened(r, "hello")
		return []uint64{a, r.words(1), b, r.words(0), 3, 0}
	}),
	with("splice", func(r *rig, room func(int) uint64) []uint64 {
		a, _ := opened(r, "hello")
		var p [2]int
		if err := unix.Pipe(p[:]); err != nil {
			r.Fatal(err)
		}
		r.Cleanup(func() { unix.Close(p[0]); unix.Close(p[1]) })
		return []uint64{a, r.words(1), uint64(p[1]), 0, 3, 0}
	}),
	withPadding("getdents", func(r *rig, room func(int) uint64) []uint64 {
		fd, err := unix.Open("/proc/self/fd", unix.O_RDONLY|unix.O_DIRECTORY, 0)
		if err != nil {
			r.Fatal(err)
		}
		r.Cleanup(func() { unix.Close(fd) })
		return []uint64{uint64(fd), room(4096), 4096}
	}),
	with("cachestat", func(r *rig, room func(int) uint64) []uint64 {
		a, _ := opened(r, "hello")
		return []uint64{a, r.words(0, 100), room(100), 0}
	}),
	with("lgetxattr", func(r *rig, room func(int) uint64) []uint64 {
		name, _ := attributed(r)
		return []uint64{r.str(name), r.str("user.a"), room(64), 64}
	}),
	with("fgetxattr", func(r *rig, room func(int) uint64) []uint64 {
		_, fd := attributed(r)
		return []uint64{fd, r.str("user.a"), room(64), 64}
	}),
	with("llistxattr", func(r *rig, room func(int) uint64) []uint64 {
		name, _ := attributed(r)
		return []uint64{r.str(name), room(64), 64}
	}),
	with("flistxattr", func(r *rig, room func(int) uint64) []uint64 {
		_, fd := attributed(r)
		return []uint64{fd, room(64), 64}
	}),
	with("ppoll", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{r.words(0x0001_00000000), 1, r.words(0, 0), r.words(0), 8}
	}),
	with("pselect6", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{3, r.words(1), r.words(2), 0, r.words(0, 0), 0}
	}),
	with("epoll_pwait2", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{epollReady(r), room(128), 8, r.words(0, 0), 0, 8}
	}),
	with("io_setup", func(r *rig, room func(int) uint64) []uint64 {
		a := r.words(0)
		r.Cleanup(func() {
			c := Call{e: r.e, t: r.t}
			ctx, _ := c.load64(a)
			r.do("io_destroy", ctx)
		})
		return []uint64{4, a}
	}),
	with("nanosleep", func(r *rig, room func(int) uint64) []uint64 { return []uint64{r.words(0, 1000), room(16)} }),
	with("clock_nanosleep", func(r *rig, room func(int) uint64) []uint64 { return []uint64{1, 0, r.words(0, 1000), room(16)} }),
	withPadding("adjtimex", func(r *rig, room func(int) uint64) []uint64 { return []uint64{r.words(make([]uint64, 32)...)} }),
	withPadding("clock_adjtime", func(r *rig, room func(int) uint64) []uint64 { return []uint64{0, r.words(make([]uint64, 32)...)} }),
	with("timer_settime", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{timer(r), 0, r.words(0, 0, 5, 0), room(40)}
	}),
	with("timer_gettime", func(r *rig, room func(int) uint64) []uint64 { return []uint64{timer(r), room(40)} }),
	with("timerfd_settime", func(r *rig, room func(int) uint64) []uint64 {
		fd, err := unix.TimerfdCreate(0, 0)
		if err != nil {
			r.Fatal(err)
		}
		r.Cleanup(func() { unix.Close(fd) })
		return []uint64{uint64(fd), 0, r.words(0, 0, 5, 0), room(40)}
	}),
	with("accept", func(r *rig, room func(int) uint64) []uint64 {
		s, _ := listening(r)
		return []uint64{s, room(64), r.words(64)}
	}),
	with("accept4", func(r *rig, room func(int) uint64) []uint64 {
		s, _ := listening(r)
		return []uint64{s, room(64), r.words(64), unix.SOCK_CLOEXEC}
	}),
	with("getpeername", func(r *rig, room func(int) uint64) []uint64 {
		_, c := listening(r)
		return []uint64{c, room(64), r.words(64)}
	}),
	with("sendmmsg", func(r *rig, room func(int) uint64) []uint64 {
		_, c := listening(r)
		m := func() []uint64 { return []uint64{0, 0, r.words(r.str("hello"), 5), 1, 0, 0, 0, 0} }
		return []uint64{c, r.words(append(m(), m()...)...), 2, 0}
	}),
	with("msgrcv", func(r *rig, room func(int) uint64) []uint64 {
		id := r.do("msgget", 0, 0o600)
		if id < 0 {
			r.Skip("no message queues: ", unix.Errno(-id))
		}
		r.Cleanup(func() { r.do("msgctl", uint64(id), unix.IPC_RMID, 0) })
		r.must("msgsnd", uint64(id), r.words(7, 0x6f6c6c6568), 5, 0)
		return []uint64{uint64(id), room(72), 64, 0, unix.IPC_NOWAIT}
	}),
	with("mq_timedreceive", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{queue(r), room(64), 64, room(8), 0}
	}),
	withPadding("mq_getsetattr", func(r *rig, room func(int) uint64) []uint64 { return []uint64{queue(r), 0, room(80)} }),
}

// notPoisoned are the calls with output that the test above does not make, with why.
var notPoisoned = map[string]string{
	"clone": "outcome", "clone3": "outcome", "mincore": "asks the address space, which is a fake here",
	"rt_sigaction": "signals", "rt_sigprocmask": "signals", "rt_sigpending": "signals", "rt_sigtimedwait": "signals", "sigaltstack": "signals",
	"lookup_dcookie": "gone from kernels", "ustat": "few file systems",
	"file_getattr": "new", "getxattrat": "new", "listxattrat": "new", "statmount": "new", "listmount": "new", "listns": "new",
	"lsm_get_self_attr": "new", "lsm_list_modules": "new",
	"io_cancel": "needs a request that hangs", "io_getevents": "needs a disk", "io_pgetevents": "needs a disk", "io_uring_setup": "not allowed everywhere",
	"get_mempolicy": "needs NUMA", "move_pages": "needs NUMA",
	"sysfs":  "an option of the kernel's",
	"syslog": "privileged", "quotactl": "privileged", "quotactl_fd": "privileged", "bpf": "privileged",
}

// TestEveryOutput: each row that says what the kernel writes is compared with the kernel, or is on the list of those that are not.
// A reason "outcome" or "signals" stands for calls that the scheduler and package signal perform and test.
func TestEveryOutput(t *testing.T) {
	tested := map[string]bool{}
	for _, c := range poisonCases {
		tested[c.name] = true
	}
	for _, f := range families {
		for i := range f.rows() {
			r := &f.rows()[i]
			output := r.after != nil
			for _, p := range r.args {
				output = output || p.kind == kOut || p.kind == kInOut || p.kind == kIovOut
			}
			_, excused := notPoisoned[r.name]
			if output && !tested[r.name] && !excused {
				t.Errorf("what %s writes is not compared with the kernel", r.name)
			}
			if excused && (tested[r.name] || !output) {
				t.Errorf("%s is excused for nothing", r.name)
			}
			delete(notPoisoned, r.name)
		}
	}
	for name := range notPoisoned {
		t.Errorf("there is no row %s", name)
	}
}
