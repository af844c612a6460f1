package syswrap

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gogrind/internal/core/aspace"
	"gogrind/internal/guest"
	"gogrind/internal/linux"

	"golang.org/x/sys/unix"
)

var _ AddressSpace = (*aspace.Space)(nil)

func TestTrace(t *testing.T) {
	_, fd := tempFile(newRig(t), "hello")
	for _, tc := range []struct {
		name string
		args func(r *rig) []uint64
		want string // with PTR for the first pointer
	}{
		{"getpid", func(r *rig) []uint64 { return nil }, fmt.Sprintf("SYSCALL[1]( 39) sys_getpid() --> Success(%#x)", os.Getpid())},
		{"read", func(r *rig) []uint64 { return []uint64{uint64(fd), r.room(8, 0), 8} },
			fmt.Sprintf("SYSCALL[1](  0) sys_read(%d, PTR, 0x8) --> Success(0x5)", fd)},
		{"open", func(r *rig) []uint64 { return []uint64{r.str("/no such"), 0, 7} },
			"SYSCALL[1](  2) sys_open(PTR(/no such), 0x0) --> Failure(0x2)"},
		{"openat", func(r *rig) []uint64 { return []uint64{cwd, r.str("/no such/x"), unix.O_CREAT, 0o640} },
			"SYSCALL[1](257) sys_openat(AT_FDCWD, PTR(/no such/x), 0x40, 0640) --> Failure(0x2)"},
		{"close", func(r *rig) []uint64 { return []uint64{none} }, "SYSCALL[1](  3) sys_close(-1) --> Failure(0x9)"},
		{"lseek", func(r *rig) []uint64 { return []uint64{none, none, 0} }, "SYSCALL[1](  8) sys_lseek(-1, -1, 0) --> Failure(0x9)"},
		{"exit", func(r *rig) []uint64 { return []uint64{3} }, "SYSCALL[1]( 60) sys_exit(3) --> [exit]"},
		{"rseq", func(r *rig) []uint64 { return []uint64{1, 32} }, "SYSCALL[1](334) sys_rseq(0x1, 0x20, 0x0, 0x0, 0x0, 0x0) --> Failure(0x26)"},
		{"rt_sigsuspend", func(r *rig) []uint64 { return []uint64{r.words(0), 8} },
			"SYSCALL[1](130) sys_rt_sigsuspend(PTR, 0x8) --> [interrupted]"},
		{"fcntl", func(r *rig) []uint64 { return []uint64{none, unix.F_SETFD, 1} },
			"SYSCALL[1]( 72) sys_fcntl(-1, 0x2, 1) --> Failure(0x9)"},
		{"prctl", func(r *rig) []uint64 { return []uint64{unix.PR_GET_DUMPABLE, 5, 6} }, "SYSCALL[1](157) sys_prctl(3) --> Success(0x1)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t)
			args := tc.args(r)
			ptr := "none"
			for _, a := range args {
				if a >= r.base && a < r.base+rigMemory {
					ptr = fmt.Sprintf("%#x", a)
					break
				}
			}
			r.outcome(tc.name, args...)
			if len(r.trace) != 1 {
				t.Fatalf("%d lines: %q", len(r.trace), r.trace)
			}
			if got := strings.Replace(r.trace[0], ptr, "PTR", 1); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// Numbers without a row are performed, with a warning once; what readable memory their arguments lead to counts as written.
func TestUnknownCall(t *testing.T) {
	r := newRig(t)
	r.t.refuse = true
	r.t.answer = 7
	nr := linux.SyscallCount() + 10
	a := r.room(1000, 0)
	for range 2 {
		if o := r.number(nr, a, 5, none); o.Kind != Done || o.Result != 7 {
			t.Fatalf("outcome %+v", o)
		}
	}
	if len(r.warn) != 1 || !strings.Contains(r.warn[0], strconv.Itoa(nr)) {
		t.Errorf("warnings %q", r.warn)
	}
	if !r.w.wrote(a) || !r.w.wrote(a+255) || r.w.wrote(a+256) {
		t.Errorf("marked: %v", r.w.list)
	}
	if o := r.number(nr, uint64(guest.ToolBase)+8); o.Result != -int64(unix.EFAULT) || len(r.t.calls) != 0 {
		t.Errorf("a pointer to the tool: %+v", o)
	}
	if o := r.number(-1); o.Result != 7 {
		t.Errorf("number -1: %+v", o)
	}
}

func TestOutcomes(t *testing.T) {
	r := newRig(t)
	r.t.refuse = true
	tid := r.room(4, 0)
	for _, tc := range []struct {
		name string
		args []uint64
		want Outcome
	}{
		{"exit", []uint64{0x1ff}, Outcome{Kind: Exit, Status: 0xff}},
		{"exit_group", []uint64{1}, Outcome{Kind: ExitGroup, Status: 1}},
		{"fork", nil, Outcome{Kind: Fork, Clone: CloneArgs{ExitSignal: 17}}},
		{"vfork", nil, Outcome{Kind: Vfork, Clone: CloneArgs{ExitSignal: 17, Flags: unix.CLONE_VM | unix.CLONE_VFORK}}},
		{"rt_sigreturn", nil, Outcome{Kind: Sigreturn}},
		{"clone", []uint64{unix.CLONE_VM | unix.CLONE_PARENT_SETTID, 0x5000, tid, 0x7000, 0x9000},
			Outcome{Kind: Clone, Clone: CloneArgs{Flags: unix.CLONE_VM | unix.CLONE_PARENT_SETTID, Stack: 0x5000,
				ParentTID: guest.Addr(tid), ChildTID: 0x7000, TLS: 0x9000}}},
		{"clone", []uint64{17, 0, 0, 0, 0}, Outcome{Kind: Fork, Clone: CloneArgs{ExitSignal: 17}}},
		{"clone3", []uint64{r.words(unix.CLONE_VM|unix.CLONE_THREAD, 0, 1, 2, 0, 0x1000, 0x300, 9), 64},
			Outcome{Kind: Clone, Clone: CloneArgs{Flags: unix.CLONE_VM | unix.CLONE_THREAD, ChildTID: 1, ParentTID: 2,
				Stack: 0x1300, TLS: 9}}},
		{"clone3", []uint64{r.words(0, 0, 0, 0, 17, 0, 0, 0, r.words(0x2_00000001), 2, 5, 0), 96},
			Outcome{Kind: Fork, Clone: CloneArgs{ExitSignal: 17, SetTID: []int32{1, 2}, Cgroup: 5}}},
		{"clone3", []uint64{r.words(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), 96}, Outcome{Result: -int64(unix.E2BIG)}},
		{"clone3", []uint64{r.words(0, 0, 0, 0, 17, 0x1000, 0, 0), 64}, Outcome{Result: -int64(unix.EINVAL)}},
		{"clone3", []uint64{r.words(0), 8}, Outcome{Result: -int64(unix.EINVAL)}},
		{"execve", []uint64{r.str("/bin/x"), r.words(r.str("x"), r.str("-a"), 0), r.words(r.str("A=b"), 0)},
			Outcome{Kind: Exec, Exec: ExecArgs{DirFD: atFDCWD, Path: "/bin/x", Argv: []string{"x", "-a"}, Env: []string{"A=b"}}}},
		{"execve", []uint64{r.str("/proc/self/exe"), 0, 0},
			Outcome{Kind: Exec, Exec: ExecArgs{DirFD: atFDCWD, Path: "/bin/true"}}},
		{"execve", []uint64{r.str("x"), r.words(0x100), 0}, Outcome{Result: -int64(unix.EFAULT)}},
		{"execve", []uint64{0, 0, 0}, Outcome{Result: -int64(unix.EFAULT)}},
		{"execve", []uint64{r.str(strings.Repeat("x", 4096)), 0, 0}, Outcome{Result: -int64(unix.ENAMETOOLONG)}},
		{"execve", []uint64{r.str("x"), r.words(r.str(strings.Repeat("x", 1<<17)), 0), 0}, Outcome{Result: -int64(unix.E2BIG)}},
		{"execveat", []uint64{5, r.str(""), 0, 0, unix.AT_EMPTY_PATH},
			Outcome{Kind: Exec, Exec: ExecArgs{DirFD: 5, Flags: unix.AT_EMPTY_PATH}}},
		{"execveat", []uint64{5, r.str(""), 0, 0, 0}, Outcome{Result: -int64(unix.ENOENT)}},
		{"modify_ldt", []uint64{0, 0, 0}, Outcome{Result: -int64(unix.ENOSYS)}},
		{"rseq", nil, Outcome{Result: -int64(unix.ENOSYS)}},
	} {
		if o := r.outcome(tc.name, tc.args...); !reflect.DeepEqual(o, tc.want) {
			t.Errorf("%s%#x:\ngot  %+v\nwant %+v", tc.name, tc.args, o, tc.want)
		}
		if len(r.t.calls) > 0 {
			t.Errorf("%s reached the kernel", tc.name)
		}
	}
}

func TestSegmentBases(t *testing.T) {
	r := newRig(t)
	r.t.refuse = true
	r.must("arch_prctl", 0x1002, 0x123000)
	r.must("arch_prctl", 0x1001, 0x456000)
	if r.t.regs.FSBase != 0x123000 || r.t.regs.GSBase != 0x456000 {
		t.Fatalf("bases %#x %#x", r.t.regs.FSBase, r.t.regs.GSBase)
	}
	a := r.words(0)
	for cmd, want := range map[uint64]uint64{0x1003: 0x123000, 0x1004: 0x456000} {
		r.must("arch_prctl", cmd, a)
		if v := get64(r.bytes(a, 8)); v != want || !r.w.wrote(a+7) {
			t.Errorf("command %#x gives %#x, want %#x", cmd, v, want)
		}
	}
	if v := r.do("arch_prctl", 0x1002, 1<<63); v != -int64(unix.EPERM) {
		t.Errorf("base in the kernel: %d", v)
	}
	if v := r.do("arch_prctl", 0x1003, 0x58000000); v != -int64(unix.EFAULT) {
		t.Errorf("result in the tool: %d", v)
	}
	if len(r.t.calls) > 0 {
		t.Error("the kernel was asked")
	}
}

func TestMappingCalls(t *testing.T) {
	r := newRig(t)
	for _, tc := range []struct {
		name string
		args []uint64
		want int64
		log  string
	}{
		{"mmap", []uint64{0x1000, 0x2000, 3, 0x22, 0xffffffff, 0}, 0x7000, "mmap 0x1000 0x2000 3 0x22 -1 0x0"},
		{"munmap", []uint64{0x1000, 0x2000}, -int64(unix.EINVAL), "munmap 0x1000 0x2000"},
		{"mremap", []uint64{0x1000, 0x2000, 0x3000, 1, 0x4000}, 0x8000, "mremap 0x1000 0x2000 0x3000 1 0x4000"},
		{"mprotect", []uint64{0x1000, 0x2000, 5}, 0, "mprotect 0x1000 0x2000 5"},
		{"pkey_mprotect", []uint64{0x1000, 0x2000, 5, none}, 0, "mprotect 0x1000 0x2000 5"},
		{"pkey_mprotect", []uint64{0x1000, 0x2000, 5, 1}, -int64(unix.EINVAL), ""},
		{"brk", []uint64{0x1234}, 0x9000, "brk 0x0;brk 0x1234"},
		{"madvise", []uint64{0x1000, 0x2000, 4}, 0, "madvise 0x1000 0x2000 4"},
		{"msync", []uint64{0x1000, 0x2000, 4}, 0, "msync 0x1000 0x2000 4"},
		{"shmat", []uint64{1, 0x1000, 2}, 0xa000, "shmat 1 0x1000 2"},
		{"shmdt", []uint64{0x1000}, 0, "shmdt 0x1000"},
		{"mmap", []uint64{0, 0x2000, 3, 2, 1001, 0}, -int64(unix.EBADF), ""},
		{"mlock", []uint64{0x1000, 0x2000}, -int64(unix.ENOMEM), ""},
		{"mincore", []uint64{0x1000, 0x2000, r.room(8, 0)}, -int64(unix.ENOMEM), ""},
		{"mlockall", []uint64{1}, 0, ""},
		{"mlockall", []uint64{8}, -int64(unix.EINVAL), ""},
		{"pkey_alloc", []uint64{0, 0}, -int64(unix.ENOSPC), ""},
	} {
		r.space.log = nil
		if v := r.do(tc.name, tc.args...); v != tc.want || strings.Join(r.space.log, ";") != tc.log {
			t.Errorf("%s%#x: %#x %q, want %#x %q", tc.name, tc.args, v, r.space.log, tc.want, tc.log)
		}
		if len(r.t.calls) > 0 {
			t.Errorf("%s reached the kernel", tc.name)
		}
	}
}

func TestSignalCalls(t *testing.T) {
	r := newRig(t)
	set := r.words(1 << 9)
	for _, tc := range []struct {
		name string
		args []uint64
		want int64
		log  string
	}{
		{"rt_sigaction", []uint64{10, 0, 0, 8}, 0, "sigaction 10 8"},
		{"rt_sigprocmask", []uint64{2, set, 0, 8}, 0, "sigprocmask 2 8"},
		{"sigaltstack", []uint64{0, 0}, 0, "sigaltstack"},
		{"rt_sigpending", []uint64{set, 8}, 0, "sigpending 8"},
		{"rt_sigsuspend", []uint64{set, 8}, -int64(unix.EINTR), "sigsuspend 8"},
		{"rt_sigtimedwait", []uint64{set, 0, 0, 8}, 0, "sigtimedwait 8"},
		{"ppoll", []uint64{0, 0, r.words(0, 0), set, 8}, 0, "tempmask 0x200;restore"},
		{"pselect6", []uint64{0, 0, 0, 0, r.words(0, 0), r.words(set, 8)}, 0, "tempmask 0x200;restore"},
		{"pselect6", []uint64{0, 0, 0, 0, r.words(0, 0), r.words(0, 8)}, 0, ""},
		{"ppoll", []uint64{0, 0, r.words(0, 0), set, 4}, -int64(unix.EINVAL), ""},
		{"ppoll", []uint64{0, 0, r.words(0, 0), 0x180000000000, 8}, -int64(unix.EFAULT), ""},
	} {
		r.sig.log = nil
		if v := r.do(tc.name, tc.args...); v != tc.want || strings.Join(r.sig.log, ";") != tc.log {
			t.Errorf("%s%#x: %d %q, want %d %q", tc.name, tc.args, v, r.sig.log, tc.want, tc.log)
		}
	}
	// Interrupted: the mask stays for the delivery of the signal.
	r.t.refuse = true
	for _, e := range []int64{4, 512, 514} {
		r.sig.log, r.t.answer = nil, -e
		if v := r.do("epoll_pwait", 5, set, 1, 0, set, 8); v != -e || strings.Join(r.sig.log, ";") != "tempmask 0x200" {
			t.Errorf("interrupted by %d: %d %q", e, v, r.sig.log)
		}
	}
}

// The time left of an interrupted sleep is written although the call fails.
func TestInterruptedSleep(t *testing.T) {
	r := newRig(t)
	r.t.refuse = true
	req, rem := r.words(1, 0), r.words(0, 0)
	for e, want := range map[int64]bool{4: true, 516: true, 22: false, 0: false} {
		r.t.answer = -e
		r.do("nanosleep", req, rem)
		if got := r.w.wrote(rem + 15); got != want {
			t.Errorf("result %d: rem marked %v", -e, got)
		}
	}
}

// wait4 with WNOHANG writes nothing when it says that no child has changed.
func TestWaitWithoutChild(t *testing.T) {
	r := newRig(t)
	r.t.refuse = true
	status := r.words(0)
	for answer, want := range map[int64]bool{0: false, 77: true} {
		r.t.answer = answer
		r.do("wait4", none, status, unix.WNOHANG, 0)
		if got := r.w.wrote(status); got != want {
			t.Errorf("result %d: status marked %v", answer, got)
		}
	}
}

func TestDescriptors(t *testing.T) {
	r := newRig(t)
	_, fd := tempFile(r, "x")
	f := uint64(fd)
	ebadf, einval, emfile := -int64(unix.EBADF), -int64(unix.EINVAL), -int64(unix.EMFILE)
	for _, tc := range []struct {
		name string
		args []uint64
		want int64
	}{
		{"dup2", []uint64{f, 1000}, ebadf},
		{"dup2", []uint64{f, 512}, ebadf}, // the guest's limit
		{"dup2", []uint64{f, 511}, 511},
		{"dup3", []uint64{f, 510, unix.O_CLOEXEC}, 510},
		{"fcntl", []uint64{f, unix.F_DUPFD, 1000}, einval},
		{"fcntl", []uint64{f, unix.F_DUPFD, 512}, einval},
		{"fcntl", []uint64{f, unix.F_DUPFD_CLOEXEC, 509}, 509},
		{"fcntl", []uint64{f, unix.F_DUPFD_CLOEXEC, 510}, emfile}, // 510 and 511 are open: it would be 512
		{"close", []uint64{1001}, ebadf},
		{"fcntl", []uint64{1001, unix.F_GETFD}, ebadf},
		{"close_range", []uint64{509, none, 0}, 0},
		{"fcntl", []uint64{511, unix.F_GETFD}, ebadf},
		{"close_range", []uint64{1000, none, 0}, 0},
		{"close_range", []uint64{5, 4, 0}, einval},
	} {
		if v := r.do(tc.name, tc.args...); v != tc.want {
			t.Errorf("%s%#x: %d, want %d", tc.name, tc.args, v, tc.want)
		}
	}
	if _, err := unix.FcntlInt(512, unix.F_GETFD, 0); err == nil {
		t.Error("a descriptor beyond the guest's limit was left open")
	}
}

// Some limits are the guest's own: what the runtime of the tool has made of it does not show, and setting it
// does not reach the kernel.
func TestOwnLimits(t *testing.T) {
	r := newRig(t)
	var before, after unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_NOFILE, &before)
	a := r.words(0, 0)
	limit := func() [2]uint64 { return [2]uint64{get64(r.bytes(a, 8)), get64(r.bytes(a+8, 8))} }
	r.must("getrlimit", unix.RLIMIT_NOFILE, a)
	if limit() != [2]uint64{512, 900} {
		t.Errorf("getrlimit: %d", limit())
	}
	r.must("setrlimit", unix.RLIMIT_NOFILE, r.words(100, 800))
	r.must("prlimit64", uint64(os.Getpid()), unix.RLIMIT_NOFILE, r.words(50, 800), a)
	if limit() != [2]uint64{100, 800} {
		t.Errorf("prlimit64: %d", limit())
	}
	r.must("setrlimit", unix.RLIMIT_AS, r.words(1<<20, 1<<30))
	if got := r.e.Limits(); got[unix.RLIMIT_NOFILE] != (unix.Rlimit{Cur: 50, Max: 800}) ||
		got[unix.RLIMIT_AS] != (unix.Rlimit{Cur: 1 << 20, Max: 1 << 30}) {
		t.Errorf("Limits: %v", got)
	}
	var as unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_AS, &as); as.Cur == 1<<20 {
		t.Error("the limit of the address space has reached the kernel")
	}
	if v := r.do("setrlimit", unix.RLIMIT_NOFILE, r.words(100, 50)); v != -int64(unix.EINVAL) {
		t.Errorf("limit above its maximum: %d", v)
	}
	unix.Getrlimit(unix.RLIMIT_NOFILE, &after)
	if before != after {
		t.Errorf("the tool's limit has become %v, was %v", after, before)
	}
	r.must("getrlimit", unix.RLIMIT_STACK, a)
	var stack unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_STACK, &stack)
	if limit() != [2]uint64{stack.Cur, stack.Max} {
		t.Errorf("another limit: %d, want %v", limit(), stack)
	}
}

// Lines of /proc/self/status and limits, and fields of stat, that are the guest's are replaced; the others are the kernel's.
func TestProcNumbers(t *testing.T) {
	r := newRig(t)
	for name, want := range map[string][]string{
		"status": {"\nVmRSS:\t    8192 kB\n", "\nVmPeak:\t   51200 kB\n", "\nThreads:\t3\n", "\nSigBlk:\t0000000000000200\n", "\nSigCgt:\t0000000000000001\n",
			"\nSigPnd:\t0000000000000200\n", fmt.Sprintf("\nPid:\t%d\n", os.Getpid()), "\nFDSize:\t256\n"},
		"limits": {"\nMax open files            512                  900                  files", "\nMax stack size "},
		"stat":   {fmt.Sprint(" ", 40<<20, " ", 8<<20/4096, " ")},
	} {
		fd := r.must("open", r.str("/proc/self/"+name), unix.O_RDONLY)
		buf := r.room(8000, 0)
		n := r.must("read", uint64(fd), buf, 8000)
		r.must("close", uint64(fd))
		for _, w := range want {
			if !strings.Contains(string(r.bytes(buf, int(n))), w) {
				t.Errorf("%s has no %q:\n%s", name, w, r.bytes(buf, int(n)))
			}
		}
	}
}

// Files of /proc that show the program show the guest's.
func TestProcFiles(t *testing.T) {
	pid := strconv.Itoa(os.Getpid())
	for _, dir := range []string{"/proc/self/", "/proc/" + pid + "/", "/proc/thread-self/", "/proc/self/task/" + pid + "/",
		"/proc//self/./", "/proc/self/../self/"} {
		for name, want := range map[string]string{
			"maps":    "00400000-00401000 r-xp 00000000 00:00 0 /guest\n",
			"cmdline": "true\x00--help\x00",
			"auxv":    string(make([]byte, 320)),
			"environ": "A=1\x00",
			"smaps":   "smaps\n",
			"statm":   "10240 2048 768 256 0 768 0\n",
		} {
			r := newRig(t)
			fd := r.must("openat", cwd, r.str(dir+name), unix.O_RDONLY)
			buf := r.room(1000, 0)
			n := r.must("read", uint64(fd), buf, 1000)
			kernel, err := os.ReadFile(dir + name)
			if err != nil {
				t.Fatal(err)
			}
			if i := bytes.Index(kernel, []byte("\nffffffff")); i > 0 && strings.HasSuffix(name, "maps") {
				want += string(kernel[i+1:]) // the vsyscall page
			}
			if got := string(r.bytes(buf, int(n))); got != want {
				t.Errorf("%s%s: %q", dir, name, got)
			}
			var real unix.Stat_t
			if err := unix.Stat(dir+name, &real); err != nil {
				t.Fatal(err)
			}
			r.must("fstat", uint64(fd), buf)
			st := r.bytes(buf, 144)
			r.must("newfstatat", uint64(fd), r.str(""), buf+200, unix.AT_EMPTY_PATH)
			if !bytes.Equal(st[24:32], r.bytes(buf+200, 144)[24:32]) || !bytes.Equal(st[48:72], r.bytes(buf+200, 144)[48:72]) {
				t.Errorf("%s%s: fstat and newfstatat differ", dir, name)
			}
			if mode, size, block := st[24], binary.LittleEndian.Uint64(st[48:]), binary.LittleEndian.Uint64(st[56:]); size != 0 ||
				block != uint64(real.Blksize) || mode != byte(0o444&0xff) {
				t.Errorf("%s%s: mode %#o, size %d, block size %d, want those of /proc: %+v", dir, name, mode, size, block, real)
			}
			r.must("close", uint64(fd))
		}
		r := newRig(t)
		link := r.str(dir + "exe")
		buf := r.room(100, 0)
		if n := r.must("readlink", link, buf, 100); string(r.bytes(buf, int(n))) != "/bin/true" {
			t.Errorf("%sexe is %q", dir, r.bytes(buf, int(n)))
		}
		if n := r.must("readlinkat", cwd, link, buf, 4); string(r.bytes(buf, int(n))) != "/bin" {
			t.Errorf("%sexe in 4 bytes is %q", dir, r.bytes(buf, int(n)))
		}
		fd := r.must("open", link, unix.O_RDONLY)
		var got, want unix.Stat_t
		if err := unix.Fstat(int(fd), &got); err != nil {
			t.Fatal(err)
		}
		unix.Close(int(fd))
		if err := unix.Stat("/bin/true", &want); err != nil {
			t.Fatal(err)
		}
		if got.Ino != want.Ino || got.Dev != want.Dev {
			t.Errorf("%sexe opens another file", dir)
		}
	}
	// Other files, other processes: not ours to answer.
	r := newRig(t)
	tmp := filepath.Join(t.TempDir(), "maps")
	if err := os.WriteFile(tmp, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	buf := r.room(1000, 0)
	fd := r.must("open", r.str(tmp), unix.O_RDONLY)
	if n := r.must("read", uint64(fd), buf, 1000); string(r.bytes(buf, int(n))) != "mine" {
		t.Errorf("a file of that name elsewhere: %q", r.bytes(buf, int(n)))
	}
	unix.Close(int(fd))
	fd = r.must("open", r.str("/proc/1/cmdline"), unix.O_RDONLY)
	n := r.must("read", uint64(fd), buf, 1000)
	if bytes.Contains(r.bytes(buf, int(n)), []byte("--help")) {
		t.Error("cmdline of process 1 is ours")
	}
	unix.Close(int(fd))
	// Relative to an open directory.
	dir, err := unix.Open("/proc/self", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dir)
	if n := r.must("readlinkat", uint64(dir), r.str("exe"), buf, 100); string(r.bytes(buf, int(n))) != "/bin/true" {
		t.Errorf("exe relative to /proc/self: %q", r.bytes(buf, int(n)))
	}
	if v := r.do("open", r.str("/proc/self/maps"), unix.O_RDWR); v != -int64(unix.EACCES) {
		t.Errorf("maps opened for writing: %d", v)
	}
}

// Fields of /proc/self/stat that say where the program lies are the guest's, the others the kernel's.
func TestProcStat(t *testing.T) {
	read := func(r *rig) []string {
		fd := r.must("open", r.str("/proc/self/stat"), unix.O_RDONLY)
		defer unix.Close(int(fd))
		buf := r.room(1000, 0)
		n := r.must("read", uint64(fd), buf, 1000)
		text := string(r.bytes(buf, int(n)))
		return strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	}
	native := read(newRig(t))
	ours := read(newRig(t, func(c *Config) { c.Stat = map[int]uint64{28: 0x1234, 45: 77, 99: 5} }))
	if len(native) != 50 || len(ours) != len(native) {
		t.Fatalf("%d and %d fields", len(native), len(ours))
	}
	if ours[28-3] != "4660" || ours[45-3] != "77" {
		t.Errorf("fields 28 and 45 are %s %s", ours[28-3], ours[45-3])
	}
	for _, nr := range []int{4, 5, 22, 26, 46} { // parent, group, start time, code, data
		if ours[nr-3] != native[nr-3] {
			t.Errorf("field %d is %s, was %s", nr, ours[nr-3], native[nr-3])
		}
	}
}

// The tool's descriptors and threads are not listed.
func TestProcDirectories(t *testing.T) {
	_, fd := tempFile(newRig(t), "x")
	high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 600)
	if err != nil {
		t.Skip("no descriptor above 600: ", err)
	}
	defer unix.Close(high)
	list := func(r *rig, call, dir string, nameAt int) []string {
		d := r.must("open", r.str(dir), unix.O_RDONLY|unix.O_DIRECTORY)
		defer unix.Close(int(d))
		var names []string
		for {
			buf := r.room(200, 0)
			n := r.must(call, uint64(d), buf, 200)
			if n == 0 {
				return names
			}
			for b := r.bytes(buf, int(n)); len(b) > 0; {
				size := int(b[16]) | int(b[17])<<8
				name, _, _ := strings.Cut(string(b[nameAt:size]), "\x00")
				names = append(names, name)
				b = b[size:]
			}
		}
	}
	r := newRig(t, func(c *Config) {
		c.FirstToolFD = 600
		c.GuestTID = func(tid int) bool { return tid == os.Getpid() }
	})
	for call, at := range map[string]int{"getdents64": 19, "getdents": 18} {
		for _, dir := range []string{"/proc/self/fd", "/proc/self/fdinfo"} {
			names := list(r, call, dir, at)
			if slices.Contains(names, strconv.Itoa(high)) || !slices.Contains(names, strconv.Itoa(fd)) {
				t.Errorf("%s of %s: %v, without %d and with %d wanted", call, dir, names, high, fd)
			}
		}
		if names := list(r, call, "/proc/self/task", at); !slices.Equal(names, []string{".", "..", strconv.Itoa(os.Getpid())}) {
			t.Errorf("%s of task: %v", call, names)
		}
	}
}

// Reading a string stops at its zero even when nothing lies behind the page.
func TestStringAtEndOfMemory(t *testing.T) {
	r := newRig(t)
	end := r.base + rigMemory
	copy(r.mem[rigMemory-3:], "ab\x00")
	c := &Call{e: r.e, t: r.t}
	if s, ok := c.loadString(end-3, 100); s != "ab" || !ok {
		t.Errorf("%q %v", s, ok)
	}
	copy(r.mem[rigMemory-3:], "abc")
	if s, ok := c.loadString(end-3, 100); ok {
		t.Errorf("a string without end: %q", s)
	}
}

func BenchmarkDo(b *testing.B) {
	for _, tc := range []struct {
		name string
		args []uint64
	}{{"getpid", nil}, {"read", []uint64{none, 0x1000, 10}}, {"futex", []uint64{0x1000, 1 | 128, 1}}} {
		b.Run(tc.name, func(b *testing.B) {
			e := New(Config{Space: &fakeSpace{}, Signals: &fakeSignals{}})
			th := &fakeThread{}
			nr, _ := linux.SyscallNumber(tc.name)
			setCall(&th.regs, nr, tc.args)
			th.refuse = true
			b.ReportAllocs()
			for b.Loop() {
				th.calls = th.calls[:0]
				e.Do(th)
			}
		})
	}
}
