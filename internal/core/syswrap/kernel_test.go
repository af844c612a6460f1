package syswrap

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// poisonCase is a call made twice over differently poisoned memory.
type poisonCase struct {
	name string
	args func(r *rig, room func(n int) uint64) []uint64
	// padding: the kernel leaves holes between what it writes, which are marked with the rest.
	padding bool
}

// File descriptors and names for the cases.
func tempFile(r *rig, content string) (name string, fd int) {
	name = filepath.Join(r.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		r.Fatal(err)
	}
	fd, err := unix.Open(name, unix.O_RDWR, 0)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { unix.Close(fd) })
	return name, fd
}

// socketPair gives two connected datagram sockets, the second bound to an abstract name so that it is seen by the first.
func socketPair(r *rig, message string) (receiver uint64) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { unix.Close(p[0]); unix.Close(p[1]) })
	for range 3 {
		if err := unix.Sendmsg(p[1], []byte(message), unix.UnixRights(0), nil, 0); err != nil {
			r.Fatal(err)
		}
	}
	return uint64(p[0])
}

// udpReceiver gives an internet socket that has received a message.
func udpReceiver(r *rig, message string) uint64 {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		r.Fatal(err)
	}
	to, err := unix.Getsockname(fd)
	if err != nil {
		r.Fatal(err)
	}
	for range 3 {
		if err := unix.Sendto(fd, []byte(message), 0, to); err != nil {
			r.Fatal(err)
		}
	}
	return uint64(fd)
}

func epollReady(r *rig) uint64 {
	ep, err := unix.EpollCreate1(0)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { unix.Close(ep) })
	ev, err := unix.Eventfd(1, 0)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { unix.Close(ev) })
	if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, ev, &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
		r.Fatal(err)
	}
	return uint64(ep)
}

const cwd = ^uint64(0) - 99 // AT_FDCWD

// simple is a case whose arguments are constants and, for negative numbers -n, room for n bytes.
func simple(name string, args ...int) poisonCase {
	return poisonCase{name, func(r *rig, room func(int) uint64) []uint64 {
		var v []uint64
		for _, a := range args {
			if a < 0 {
				v = append(v, room(-a))
			} else {
				v = append(v, uint64(a))
			}
		}
		return v
	}, false}
}

func with(name string, f func(r *rig, room func(n int) uint64) []uint64) poisonCase {
	return poisonCase{name, f, false}
}

func withPadding(name string, f func(r *rig, room func(n int) uint64) []uint64) poisonCase {
	return poisonCase{name, f, true}
}

var poisonCases = []poisonCase{
	with("read", func(r *rig, room func(int) uint64) []uint64 {
		_, fd := tempFile(r, "hello")
		return []uint64{uint64(fd), room(64), 64}
	}),
	with("pread64", func(r *rig, room func(int) uint64) []uint64 {
		_, fd := tempFile(r, "hello")
		return []uint64{uint64(fd), room(64), 64, 2}
	}),
	with("readv", func(r *rig, room func(int) uint64) []uint64 {
		_, fd := tempFile(r, "hello, world")
		return []uint64{uint64(fd), r.words(room(5), 5, room(0), 0, room(64), 64), 3}
	}),
	with("preadv", func(r *rig, room func(int) uint64) []uint64 {
		_, fd := tempFile(r, "hello, world")
		return []uint64{uint64(fd), r.words(room(5), 5, room(64), 64), 2, 1}
	}),
	with("preadv2", func(r *rig, room func(int) uint64) []uint64 {
		_, fd := tempFile(r, "hello, world")
		return []uint64{uint64(fd), r.words(room(5), 5, room(64), 64), 2, 1, 0, 0}
	}),
	with("stat", func(r *rig, room func(int) uint64) []uint64 { return []uint64{r.str("/"), room(200)} }),
	with("stat", func(r *rig, room func(int) uint64) []uint64 { return []uint64{r.str("/proc/self/exe"), room(200)} }),
	with("lstat", func(r *rig, room func(int) uint64) []uint64 { return []uint64{r.str("/proc/self/exe"), room(200)} }),
	simple("fstat", 0, -200),
	with("newfstatat", func(r *rig, room func(int) uint64) []uint64 { return []uint64{cwd, r.str("/"), room(200), 0} }),
	with("statx", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{cwd, r.str("/"), 0, 0xfff, room(300)}
	}),
	with("statfs", func(r *rig, room func(int) uint64) []uint64 { return []uint64{r.str("/"), room(200)} }),
	simple("fstatfs", 0, -200),
	with("readlink", func(r *rig, room func(int) uint64) []uint64 { return []uint64{r.str("/proc/self/exe"), room(100), 100} }),
	with("readlink", func(r *rig, room func(int) uint64) []uint64 { return []uint64{r.str("/proc/self/cwd"), room(100), 100} }),
	with("readlinkat", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{cwd, r.str("/proc/self/cwd"), room(100), 100}
	}),
	simple("getcwd", -500, 500),
	withPadding("getdents64", func(r *rig, room func(int) uint64) []uint64 {
		fd, err := unix.Open("/proc/self/fd", unix.O_RDONLY|unix.O_DIRECTORY, 0)
		if err != nil {
			r.Fatal(err)
		}
		r.Cleanup(func() { unix.Close(fd) })
		return []uint64{uint64(fd), room(4096), 4096}
	}),
	simple("pipe", -64),
	simple("pipe2", -64, unix.O_CLOEXEC),
	simple("socketpair", unix.AF_UNIX, unix.SOCK_STREAM, 0, -64),
	simple("uname", -500),
	simple("sysinfo", -200),
	simple("times", -100),
	simple("getrlimit", unix.RLIMIT_STACK, -64),
	simple("getrlimit", unix.RLIMIT_NOFILE, -64),
	simple("prlimit64", 0, unix.RLIMIT_CORE, 0, -64),
	simple("prlimit64", 0, unix.RLIMIT_NOFILE, 0, -64),
	simple("getrusage", 0, -200),
	simple("getresuid", -16, -16, -16),
	simple("getresgid", -16, -16, -16),
	simple("getgroups", 16, -64),
	with("capget", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{r.words(unix.LINUX_CAPABILITY_VERSION_3), room(64)}
	}),
	with("capget", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{r.words(unix.LINUX_CAPABILITY_VERSION_1), room(64)}
	}),
	simple("time", -64),
	simple("gettimeofday", -64, -64),
	simple("clock_gettime", 0, -64),
	simple("clock_getres", 0, -64),
	simple("getitimer", 0, -64),
	with("setitimer", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{unix.ITIMER_VIRTUAL, r.words(0, 0, 0, 0), room(64)}
	}),
	with("timer_create", func(r *rig, room func(int) uint64) []uint64 { return []uint64{0, 0, room(64)} }),
	simple("sched_getparam", 0, -64),
	simple("sched_rr_get_interval", 0, -64),
	simple("sched_getaffinity", 0, 512, -600),
	simple("sched_getattr", 0, -200, 200, 0),
	simple("sched_getattr", 0, -200, 48, 0),
	simple("getcpu", -16, -16, 0),
	simple("getrandom", -64, 40, 0),
	simple("get_robust_list", 0, -16, -16),
	with("poll", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{r.words(0x0001_00000000, 0x0001_ffffffff), 2, 0}
	}),
	with("epoll_wait", func(r *rig, room func(int) uint64) []uint64 { return []uint64{epollReady(r), room(128), 8, 0} }),
	with("epoll_pwait", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{epollReady(r), room(128), 8, 0, r.words(0), 8}
	}),
	with("select", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{3, r.words(1), r.words(2), 0, r.words(0, 0)}
	}),
	with("getsockname", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{udpReceiver(r, "x"), room(64), r.words(64)}
	}),
	with("getsockopt", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{udpReceiver(r, "x"), unix.SOL_SOCKET, unix.SO_RCVBUF, room(64), r.words(64)}
	}),
	with("getsockopt", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{socketPair(r, "x"), unix.SOL_SOCKET, unix.SO_PEERCRED, room(64), r.words(64)}
	}),
	with("recvfrom", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{udpReceiver(r, "hello"), room(64), 64, 0, room(64), r.words(64)}
	}),
	with("recvmsg", func(r *rig, room func(int) uint64) []uint64 {
		iov := r.words(room(2), 2, room(64), 64)
		return []uint64{udpReceiver(r, "hello"), r.words(room(64), 64, iov, 2, room(128), 128, 0), 0}
	}),
	withPadding("recvmsg", func(r *rig, room func(int) uint64) []uint64 {
		iov := r.words(room(64), 64)
		return []uint64{socketPair(r, "hello"), r.words(room(64), 64, iov, 1, room(128), 128, 0), 0}
	}),
	with("recvmmsg", func(r *rig, room func(int) uint64) []uint64 {
		m := func() []uint64 { return []uint64{room(64), 64, r.words(room(64), 64), 1, room(128), 128, 0, 0} }
		return []uint64{udpReceiver(r, "hello"), r.words(append(m(), m()...)...), 2, unix.MSG_DONTWAIT, 0}
	}),
	with("getxattr", func(r *rig, room func(int) uint64) []uint64 {
		name, _ := tempFile(r, "")
		if err := unix.Setxattr(name, "user.a", []byte("value"), 0); err != nil {
			r.Skip("no extended attributes: ", err)
		}
		return []uint64{r.str(name), r.str("user.a"), room(64), 64}
	}),
	with("listxattr", func(r *rig, room func(int) uint64) []uint64 {
		name, _ := tempFile(r, "")
		if err := unix.Setxattr(name, "user.a", []byte("value"), 0); err != nil {
			r.Skip("no extended attributes: ", err)
		}
		return []uint64{r.str(name), room(64), 64}
	}),
	with("wait4", func(r *rig, room func(int) uint64) []uint64 {
		p, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{})
		if err != nil {
			r.Fatal(err)
		}
		return []uint64{uint64(p.Pid), room(16), 0, room(200)}
	}),
	withPadding("waitid", func(r *rig, room func(int) uint64) []uint64 {
		p, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{})
		if err != nil {
			r.Fatal(err)
		}
		return []uint64{unix.P_PID, uint64(p.Pid), room(200), unix.WEXITED, room(200)}
	}),
	with("ioctl", func(r *rig, room func(int) uint64) []uint64 {
		fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY, 0)
		if err != nil {
			r.Skip("no pseudo terminals: ", err)
		}
		r.Cleanup(func() { unix.Close(fd) })
		return []uint64{uint64(fd), unix.TCGETS, room(100)}
	}),
	with("ioctl", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{udpReceiver(r, "hello"), 0x541b, room(64)} // FIONREAD
	}),
	with("ioctl", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{udpReceiver(r, "hello"), unix.SIOCGIFCONF, r.words(200, room(200))}
	}),
	with("ioctl", func(r *rig, room func(int) uint64) []uint64 {
		_, fd := tempFile(r, "hello")
		return []uint64{uint64(fd), 2, room(64)} // FIGETBSZ
	}),
	with("fcntl", func(r *rig, room func(int) uint64) []uint64 {
		_, fd := tempFile(r, "hello")
		return []uint64{uint64(fd), unix.F_GETLK, r.words(0, 0, 0, 0)}
	}),
	with("fcntl", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{udpReceiver(r, "x"), unix.F_GETOWN_EX, room(64)}
	}),
	simple("prctl", unix.PR_GET_NAME, -64),
	simple("prctl", unix.PR_GET_PDEATHSIG, -64),
	simple("prctl", unix.PR_GET_TSC, -64),
	simple("arch_prctl", 0x1003, -64),
	with("timerfd_gettime", func(r *rig, room func(int) uint64) []uint64 {
		fd, err := unix.TimerfdCreate(0, 0)
		if err != nil {
			r.Fatal(err)
		}
		r.Cleanup(func() { unix.Close(fd) })
		return []uint64{uint64(fd), room(64)}
	}),
	with("name_to_handle_at", func(r *rig, room func(int) uint64) []uint64 {
		name, _ := tempFile(r, "")
		return []uint64{cwd, r.str(name), r.words(append([]uint64{128}, make([]uint64, 20)...)...), room(16), 0}
	}),
	with("process_vm_readv", func(r *rig, room func(int) uint64) []uint64 {
		return []uint64{uint64(os.Getpid()), r.words(room(64), 64), 1, r.words(r.str("abcdefghijklmnopqrstuvwxyz"), 26), 1, 0}
	}),
	with("msgctl", func(r *rig, room func(int) uint64) []uint64 { return []uint64{0, ipcInfo, room(100)} }),
	with("shmctl", func(r *rig, room func(int) uint64) []uint64 { return []uint64{0, ipcInfo, room(100)} }),
	with("shmctl", func(r *rig, room func(int) uint64) []uint64 { return []uint64{0, shmInfo, room(100)} }),
	with("semctl", func(r *rig, room func(int) uint64) []uint64 { return []uint64{0, 0, ipcInfo, room(100)} }),
	with("shmctl", func(r *rig, room func(int) uint64) []uint64 {
		id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4096, 0o600)
		if err != nil {
			r.Skip("no shared memory: ", err)
		}
		r.Cleanup(func() { unix.SysvShmCtl(id, unix.IPC_RMID, nil) })
		return []uint64{uint64(id), unix.IPC_STAT, room(200)}
	}),
}

// What the kernel has written is told as written, and nothing that it has not: memory is poisoned in two ways, and a byte
// that is the poison both times has not been written.
func TestOutputsAreMarked(t *testing.T) {
	for i, tc := range poisonCases {
		t.Run(fmt.Sprintf("%d-%s", i, tc.name), func(t *testing.T) {
			poisons := []byte{0xa5, 0x5a}
			var rooms [2][][2]uint64
			var rigs [2]*rig
			var wrote [2]func(uint64) bool
			for k, poison := range poisons {
				r := newRig(t)
				rigs[k] = r
				args := tc.args(r, func(n int) uint64 {
					a := r.room(n+16, poison)
					rooms[k] = append(rooms[k], [2]uint64{a, uint64(n + 16)})
					return a
				})
				v := r.do(tc.name, args...)
				if v < 0 && v > -4096 {
					t.Fatalf("%s%#x: %v", tc.name, args, unix.Errno(-v))
				}
				wrote[k] = r.w.wrote
			}
			for j, room := range rooms[0] {
				other := rooms[1][j][0]
				for o := range room[1] {
					left, marked := 0, 0
					for k, a := range []uint64{room[0] + o, other + o} {
						if rigs[k].bytes(a, 1)[0] == poisons[k] {
							left++
						} else if !wrote[k](a) {
							t.Fatalf("byte %d of output %d was written and is not marked", o, j)
						}
						if wrote[k](a) {
							marked++
						}
					}
					if left == 2 && marked == 2 && !tc.padding {
						t.Fatalf("byte %d of output %d was not written, but is marked", o, j)
					}
				}
			}
		})
	}
}
