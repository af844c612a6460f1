package syswrap

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Names of memory that other memory leads to, as Valgrind 3.19 gives them.
func TestNestedNames(t *testing.T) {
	iov := func(r *rig) uint64 { return r.words(r.room(8, 1), 8, r.room(4, 1), 4) }
	message := func(r *rig, family byte) []uint64 {
		name := r.room(16, 0)
		r.bytes(name, 1)[0] = family
		return []uint64{name, 16, iov(r), 2, r.words(20, 1<<32|1, 7, 0), 24, 0}
	}
	address := func(family byte, n uint64) func(r *rig) []uint64 {
		return func(r *rig) []uint64 {
			a := r.room(int(n), 1)
			copy(r.bytes(a, 2), []byte{family, 0})
			return []uint64{none, a, n}
		}
	}
	msg := func(head string) string {
		return strings.ReplaceAll("H) H) H) H) H.msg_name) H.msg_name) H.msg_name) H.msg_iov) H.msg_iov[0]) H.msg_iov[1]) "+
			"H.msg_control) H.msg_control)", "H", head)
	}
	for _, tc := range []struct {
		call string
		args func(r *rig) []uint64
		want string // names, spaces in them as underscores
	}{
		{"sendmsg", func(r *rig) []uint64 { return []uint64{none, r.words(message(r, unix.AF_INET)...), 0} },
			msg("sendmsg(msg")},
		{"sendmmsg", func(r *rig) []uint64 {
			return []uint64{none, r.words(append(message(r, unix.AF_INET), 0)...), 1, 0}
		}, msg("sendmsg(mmsg[0].msg_hdr") + " sendmmsg(mmsg[0].msg_len)"},
		{"recvmsg", func(r *rig) []uint64 { return []uint64{none, r.words(message(r, 0)...), 0} },
			"recvmsg(msg) recvmsg(msg) recvmsg(msg) recvmsg(msg) recvmsg(msg) recvmsg(msg.msg_name) recvmsg(msg.msg_iov) " +
				"recvmsg(msg.msg_iov[0]) recvmsg(msg.msg_iov[1]) recvmsg(msg.msg_control)"},
		{"bind", address(unix.AF_UNIX, 110), "socketcall.bind(my_addr.sa_family) socketcall.bind(my_addr.sun_path)"},
		{"bind", address(unix.AF_INET, 16),
			"socketcall.bind(my_addr.sa_family) socketcall.bind(my_addr.sin_port) socketcall.bind(my_addr.sin_addr)"},
		{"connect", address(unix.AF_INET6, 28), "socketcall.connect(serv_addr.sa_family) socketcall.connect(serv_addr.sin6_port) " +
			"socketcall.connect(serv_addr.sin6_flowinfo) socketcall.connect(serv_addr.sin6_addr) " +
			"socketcall.connect(serv_addr.sin6_scope_id)"},
		{"bind", address(unix.AF_NETLINK, 12),
			"socketcall.bind(my_addr.sa_family) socketcall.bind(my_addr.nl_pid) socketcall.bind(my_addr.nl_groups)"},
		{"bind", address(99, 12), "socketcall.bind(my_addr.sa_family) socketcall.bind(my_addr.sa_data)"},
		{"bind", address(unix.AF_INET, 1), "socketcall.bind(my_addr.sa_family)"},
		{"writev", func(r *rig) []uint64 { return []uint64{none, iov(r), 2} },
			"writev(vector) writev(vector[...]) writev(vector[...])"},
		{"pwritev2", func(r *rig) []uint64 { return []uint64{none, iov(r), 2, 0, 0, 0} },
			"pwritev2(vector) pwritev2(vector[0]) pwritev2(vector[1])"},
		{"preadv", func(r *rig) []uint64 { return []uint64{none, iov(r), 2, 0} },
			"preadv(vector) preadv(vector[0]) preadv(vector[1])"},
		{"process_vm_readv", func(r *rig) []uint64 { return []uint64{0, iov(r), 2, iov(r), 2, 0} },
			"process_vm_readv(lvec) process_vm_readv(lvec[...]) process_vm_readv(lvec[...]) process_vm_readv(rvec)"},
		{"vmsplice", func(r *rig) []uint64 { return []uint64{none, iov(r), 2, 0} },
			"vmsplice(iov) vmsplice(iov[...]) vmsplice(iov[...])"},
		{"adjtimex", func(r *rig) []uint64 { return []uint64{r.room(208, 0xff)} },
			"adjtimex(timex) adjtimex(timex->modes) adjtimex(timex->offset) adjtimex(timex->freq) adjtimex(timex->maxerror) " +
				"adjtimex(timex->esterror) adjtimex(timex->status) adjtimex(timex->constant) adjtimex(timex->tick)"},
		{"adjtimex", func(r *rig) []uint64 { return []uint64{r.room(208, 0)} }, "adjtimex(timex) adjtimex(timex->modes)"},
		{"execve", func(r *rig) []uint64 {
			return []uint64{r.str("x"), r.words(r.str("a"), r.str("b"), 0), r.words(r.str("c"), 0)}
		}, "execve(filename) execve(argv) execve(argv[0]) execve(argv) execve(argv[i]) execve(argv) execve(envp) execve(envp[i]) execve(envp)"},
		{"rt_sigaction", func(r *rig) []uint64 { return []uint64{10, r.words(1, saRestorer, 0, 0), 0, 8} },
			"rt_sigaction(act->sa_handler) rt_sigaction(act->sa_mask) rt_sigaction(act->sa_flags) rt_sigaction(act->sa_restorer)"},
		{"rt_sigaction", func(r *rig) []uint64 { return []uint64{10, r.words(1, 0, 0, 0), 0, 8} },
			"rt_sigaction(act->sa_handler) rt_sigaction(act->sa_mask) rt_sigaction(act->sa_flags)"},
		{"pselect6", func(r *rig) []uint64 { return []uint64{0, 0, 0, 0, 0, r.words(r.words(0), 8)} },
			"pselect6(sig) pselect6(sig->ss)"},
		{"epoll_ctl", func(r *rig) []uint64 { return []uint64{none, unix.EPOLL_CTL_ADD, none, r.room(12, 0)} }, "epoll_ctl(event)"},
		{"epoll_ctl", func(r *rig) []uint64 { return []uint64{none, unix.EPOLL_CTL_DEL, none, r.room(12, 0)} }, ""},
		{"utimensat", func(r *rig) []uint64 { return []uint64{cwd, r.str("/no"), r.words(1, 2, 3, unix.UTIME_NOW), 0} },
			"utimensat(filename) utimensat(times[0].tv_nsec) utimensat(times[0].tv_sec) utimensat(times[1].tv_nsec)"},
		{"getsockopt", func(r *rig) []uint64 { return []uint64{none, 1, 4, r.room(4, 0), r.words(4)} },
			"socketcall.getsockopt(optlen) socketcall.getsockopt(optlen_out) socketcall.getsockopt(optval)"},
		{"setsockopt", func(r *rig) []uint64 {
			return []uint64{none, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, r.words(2, r.room(16, 0)), 16}
		}, "setsockopt(SOL_SOCKET,_SO_ATTACH_FILTER,_&optval.len) setsockopt(SOL_SOCKET,_SO_ATTACH_FILTER,_&optval.filter) " +
			"setsockopt(SOL_SOCKET,_SO_ATTACH_FILTER,_optval.filter)"},
		{"setsockopt", func(r *rig) []uint64 { return []uint64{none, 1, 2, r.words(0), 4} }, "socketcall.setsockopt(optval)"},
		{"accept", func(r *rig) []uint64 { return []uint64{none, r.room(16, 0), r.words(16)} },
			"socketcall.accept(addr) socketcall.accept(addrlen_in) socketcall.accept(addrlen_in)"},
		{"timer_create", func(r *rig) []uint64 { return []uint64{0, r.words(0, 4<<32), r.words(0)} },
			"timer_create(timerid) timer_create(evp.sigev_value) timer_create(evp.sigev_signo) timer_create(evp.sigev_notify) " +
				"timer_create(evp.sigev_notify_thread_id)"},
		{"mq_notify", func(r *rig) []uint64 { return []uint64{none, r.room(64, 0)} },
			"mq_notify(notification) mq_notify(notification) mq_notify(notification)"},
		{"mq_open", func(r *rig) []uint64 { return []uint64{r.str("x"), unix.O_CREAT, 0, r.room(64, 0)} },
			"mq_open(name) mq_open(attr->mq_maxmsg) mq_open(attr->mq_msgsize)"},
		{"mq_open", func(r *rig) []uint64 { return []uint64{r.str("x"), 0, 0, r.room(64, 0)} }, "mq_open(name)"},
		{"io_submit", func(r *rig) []uint64 {
			request := func(op uint64) uint64 { return r.words(0, 0, op, r.room(32, 0), 1, 0, 0, 0) }
			return []uint64{0, 2, r.words(request(iocbPwrite), request(iocbPread))}
		}, "io_submit(iocbpp) io_submit(iocb) io_submit(PWRITE) io_submit(iocb) io_submit(PREAD)"},
		{"ioctl", func(r *rig) []uint64 { return []uint64{none, unix.SIOCGIFCONF, r.words(80, r.room(80, 0))} },
			"ioctl(SIOCGIFCONF) ioctl(SIOCGIFCONF) ioctl(SIOCGIFCONF).ifc_buf"},
		{"ioctl", func(r *rig) []uint64 { return []uint64{none, unix.SIOCGIFADDR, r.str("eth0")} },
			"ioctl(SIOCGIFADDR) ioctl(SIOCGIFADDR)"},
		{"ioctl", func(r *rig) []uint64 { return []uint64{none, unix.SIOCSIFMTU, r.str("eth0")} }, "ioctl(SIOCSIFMTU) ioctl(SIOCSIFMTU)"},
		{"quotactl", func(r *rig) []uint64 { return []uint64{0x800002 << 8, r.str("/dev/x"), 0, r.str("/quota")} },
			"quotactl(special) quotactl(addr)"},
		{"fsconfig", func(r *rig) []uint64 { return []uint64{none, 1, r.str("k"), r.str("v"), 0} }, "fsconfig(key) fsconfig(value)"},
		{"setxattrat", func(r *rig) []uint64 {
			return []uint64{cwd, r.str("/no"), 0, r.str("user.x"), r.words(r.room(3, 0), 3), 16}
		},
			"setxattrat(pathname) setxattrat(name) setxattrat(uargs) setxattrat(uargs->value)"},
		{"clone3", func(r *rig) []uint64 {
			return []uint64{r.words(unix.CLONE_PARENT_SETTID|unix.CLONE_CHILD_CLEARTID, 0, r.words(0), r.words(0), 17, 0, 0, 0), 64}
		}, "clone3(cl_args) clone3(cl_args->parent_tid) clone3(cl_args->child_tid)"},
		{"ptrace", func(r *rig) []uint64 { return []uint64{unix.PTRACE_GETREGSET, 1, 1, r.words(r.room(8, 0), 8)} },
			"ptrace(getregset_iovec->iov_base) ptrace(getregset_iovec->iov_len) ptrace(getregset_*(iovec->iov_base))"},
	} {
		r := newRig(t)
		r.t.refuse, r.t.answer = true, -int64(unix.EPERM)
		r.outcome(tc.call, tc.args(r)...)
		got := r.w.names("read", "string", "write")
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], " ", "_")
		}
		if want := strings.Fields(tc.want); !slices.Equal(got, want) {
			t.Errorf("%s:\ngot  %v\nwant %v", tc.call, got, want)
		}
	}
}

// Bytes that a structure has and the kernel does not look at are not looked at.
func TestHolesAreNotRead(t *testing.T) {
	r := newRig(t)
	r.t.refuse = true
	un := r.room(110, 0x55)
	copy(r.bytes(un, 2), []byte{unix.AF_UNIX, 0})
	copy(r.bytes(un+2, 10), "/tmp/sock\x00")
	r.do("bind", none, un, 110)
	last := uint64(0)
	for _, e := range r.w.list {
		if e.what == "read" {
			last = max(last, uint64(e.r.End))
		}
	}
	if last != un+12 {
		t.Errorf("a name that ends at byte 12 is read up to byte %d", last-un)
	}
	// Control messages: 4 bytes lie between a message of 20 bytes and the next.
	control := r.words(20, 1<<32|1, 7, 16, 1<<32|1)
	r.do("sendmsg", none, r.words(0, 0, 0, 0, control, 40, 0), 0)
	for _, e := range r.w.list {
		if e.param == "sendmsg(msg.msg_control)" && uint64(e.r.Start) <= control+20 && uint64(e.r.End) > control+20 {
			t.Errorf("padding after a control message is read: %v", e)
		}
	}
}
