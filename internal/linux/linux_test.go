package linux

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]int{"read": unix.SYS_READ, "openat2": unix.SYS_OPENAT2, "statx": unix.SYS_STATX,
		"clone3": unix.SYS_CLONE3, "newfstatat": unix.SYS_NEWFSTATAT, "futex_waitv": unix.SYS_FUTEX_WAITV} {
		if nr, ok := SyscallNumber(name); !ok || nr != want {
			t.Errorf("%s: %d %v, want %d", name, nr, ok, want)
		}
		if got := SyscallName(want); got != name {
			t.Errorf("%d: %s, want %s", want, got, name)
		}
	}
	for _, nr := range []int{-1, SyscallCount(), 400} {
		if name := SyscallName(nr); name != "" {
			t.Errorf("%d: %s", nr, name)
		}
	}
	if _, ok := SyscallNumber(""); ok {
		t.Error("the empty name has a number")
	}
}

func TestIoc(t *testing.T) {
	const cmd = 0x801c581f // FS_IOC_FSGETXATTR: _IOR('X', 31, struct fsxattr of 28 bytes)
	if IocDir(cmd) != IocRead || IocType(cmd) != 'X' || IocNr(cmd) != 31 || IocSize(cmd) != 28 {
		t.Errorf("%#x: direction %d type %c number %d size %d", cmd, IocDir(cmd), IocType(cmd), IocNr(cmd), IocSize(cmd))
	}
	if IocDir(unix.SIOCGIFADDR) != IocNone {
		t.Error("an old command has a direction")
	}
}

// The kernel's own headers are the judge of sizes and offsets.
func TestSizes(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	const kernel = `#include <asm/stat.h>
#include <asm/statfs.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/termbits.h>
#include <asm/ioctls.h>
#include <linux/ipc.h>
#include <linux/msg.h>
#include <linux/sem.h>
#include <linux/shm.h>
#include <linux/mqueue.h>
#include <linux/futex.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/filter.h>
#include <linux/stat.h>
#include <linux/utsname.h>
#include <linux/sysinfo.h>
#include <linux/times.h>
#include <linux/timex.h>
#include <linux/resource.h>
#include <linux/capability.h>
#include <linux/utime.h>
#include <linux/time_types.h>
#include <asm/ldt.h>
#include <stddef.h>
`
	const library = `#include <sys/stat.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/ioctl.h>
#include <sys/user.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <fcntl.h>
#include <poll.h>
#include <termio.h>
#include <stddef.h>
`
	type check struct {
		c    string // a C constant
		want int
	}
	// Kernel and C library headers define some of the same names, so they go to programs of their own.
	for _, p := range []struct {
		headers string
		checks  []check
	}{
		{kernel, []check{
			{"sizeof(struct __kernel_timespec)", SizeofTimespec},
			{"sizeof(struct stat)", SizeofStat},
			{"sizeof(struct statx)", SizeofStatx},
			{"sizeof(struct statfs)", SizeofStatfs},
			{"sizeof(struct new_utsname)", SizeofUtsname},
			{"sizeof(struct sysinfo)", SizeofSysinfo},
			{"sizeof(struct tms)", SizeofTms},
			{"sizeof(struct timex)", SizeofTimex},
			{"sizeof(struct rusage)", SizeofRusage},
			{"sizeof(struct rlimit64)", SizeofRlimit},
			{"sizeof(siginfo_t)", SizeofSiginfo},
			{"sizeof(struct sigevent)", SizeofSigevent},
			{"sizeof(stack_t)", SizeofStackT},
			{"sizeof(struct sembuf)", SizeofSembuf},
			{"sizeof(struct shmid64_ds)", SizeofShmidDS},
			{"sizeof(struct semid64_ds)", SizeofSemidDS},
			{"offsetof(struct semid64_ds, sem_nsems)", SemNsems},
			{"sizeof(struct msqid64_ds)", SizeofMsqidDS},
			{"sizeof(struct shminfo64)", SizeofShminfo},
			{"sizeof(struct shm_info)", SizeofShmInfo},
			{"sizeof(struct seminfo)", SizeofSeminfo},
			{"sizeof(struct msginfo)", SizeofMsginfo},
			{"sizeof(struct mq_attr)", SizeofMqAttr},
			{"sizeof(struct iocb)", SizeofIocb},
			{"sizeof(struct io_event)", SizeofIoEvent},
			{"sizeof(struct io_uring_params)", SizeofIoUringParms},
			{"sizeof(struct clone_args)", SizeofCloneArgs},
			{"offsetof(struct clone_args, set_tid_size)", CloneSetTIDSize},
			{"offsetof(struct clone_args, tls)", CloneTLS},
			{"offsetof(struct clone_args, stack)", CloneStack},
			{"sizeof(struct futex_waitv)", SizeofFutexWaitv},
			{"sizeof(struct sock_fprog)", SizeofSockFprog},
			{"sizeof(struct termios)", SizeofTermios},
			{"sizeof(struct termios2)", SizeofTermios2},
			{"sizeof(struct __user_cap_data_struct)", SizeofCapData},
			{"sizeof(struct utimbuf)", SizeofUtimbuf},
		}},
		{library, []check{
			{"sizeof(struct epoll_event)", SizeofEpollEvent},
			{"sizeof(struct pollfd)", SizeofPollfd},
			{"sizeof(struct iovec)", SizeofIovec},
			{"offsetof(struct msghdr, msg_control)", MsgControl},
			{"offsetof(struct msghdr, msg_controllen)", MsgControlLen},
			{"offsetof(struct msghdr, msg_flags)", MsgFlags},
			{"offsetof(struct msghdr, msg_iovlen)", MsgIovLen},
			{"sizeof(struct flock)", SizeofFlock},
			{"sizeof(struct termio)", SizeofTermio},
			{"sizeof(struct winsize)", SizeofWinsize},
			{"sizeof(struct ifreq)", SizeofIfreq},
			{"sizeof(struct arpreq)", SizeofArpreq},
			{"sizeof(struct rtentry)", SizeofRtentry},
			{"sizeof(struct user_regs_struct)", SizeofUserRegs},
		}},
	} {
		var src strings.Builder
		src.WriteString(p.headers + "const long long value[] = {\n")
		for _, ch := range p.checks {
			src.WriteString(ch.c + ",\n")
		}
		src.WriteString("};\n")
		for i, got := range compile(t, cc, src.String()) {
			if ch := p.checks[i]; got != ch.want {
				t.Errorf("%s is %d, the table says %d", ch.c, got, ch.want)
			}
		}
	}
}

// compile compiles a C array of 64-bit constants and reads them back from the assembly: nothing is run.
func compile(t *testing.T, cc, src string) []int {
	file := filepath.Join(t.TempDir(), "sizes.c")
	if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(cc, "-D_GNU_SOURCE", "-w", "-S", "-o", "-", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var values []int
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == ".quad" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, n)
		}
	}
	if len(values) != strings.Count(src, ",\n") {
		t.Fatalf("%d values of %d", len(values), strings.Count(src, ",\n"))
	}
	return values
}
