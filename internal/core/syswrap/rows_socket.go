package syswrap

import (
	"fmt"

	"gogrind/internal/guest"
	"gogrind/internal/linux"

	"golang.org/x/sys/unix"
)

// Messages about memory say socketcall.x(y), after the single system call that 32-bit programs have; messages about
// registers say x(y). Both are what suppressions match.
func sc(call, param string) string { return "socketcall." + call + "(" + param + ")" }

// addrOut are the two parameters of a call that returns a socket address: its buffer, and its size before and after.
func addrOut(call, addr, size string, sizeArg int) (Param, Param) {
	return Out(addr, Deref32(sizeArg)).Opt().Text(sc(call, addr)).Post(Deref32(sizeArg)),
		InOut(size, N(4)).Opt().Text(sc(call, size+"_in"))
}

func withAddr(call, addr, size string, sizeArg int, before A, after ...Param) A {
	p, q := addrOut(call, addr, size, sizeArg)
	return append(append(before, p, q), after...)
}

func socketRows() []row {
	return []row{
		sys("socket", A{Int("domain"), Int("type"), Int("protocol")}, NewFD),
		sys("socketpair", A{Int("d"), Int("type"), Int("protocol"), Out("sv", N(8)).Text(sc("socketpair", "sv"))}, NewPair),
		sys("bind", A{FD("sockfd"), Addr("my_addr"), Int("addrlen")}, Before(func(c *Call) {
			c.sockaddr("bind", "my_addr", c.Args[1], Arg32(2).eval(c))
		})),
		sys("connect", A{FD("sockfd"), Addr("serv_addr"), Int("addrlen")}, MayBlock, Before(func(c *Call) {
			c.sockaddr("connect", "serv_addr", c.Args[1], Arg32(2).eval(c))
		})),
		sys("listen", A{FD("s"), Int("backlog")}),
		sys("accept", withAddr("accept", "addr", "addrlen", 2, A{FD("s")}), NewFD|MayBlock),
		sys("accept4", withAddr("accept", "addr", "addrlen", 2, A{FD("s")}, Hex("flags")), NewFD|MayBlock),
		sys("getsockname", withAddr("getsockname", "name", "namelen", 2, A{FD("s")})),
		sys("getpeername", withAddr("getpeername", "name", "namelen", 2, A{FD("s")})),
		sys("sendto", A{FD("s"), In("msg", Arg(2)).Text(sc("sendto", "msg")), Addr("len"), Hex("flags"), Addr("to"),
			Int("tolen")}, MayBlock, Before(func(c *Call) { c.sockaddr("sendto", "to", c.Args[4], Arg32(5).eval(c)) })),
		sys("recvfrom", withAddr("recvfrom", "from", "fromlen", 5, A{FD("s"),
			Out("buf", Arg(2)).Text(sc("recvfrom", "buf")).Post(Result), Addr("len"), Hex("flags")}), MayBlock),
		sys("sendmsg", A{FD("s"), Addr("msg"), Hex("flags")}, MayBlock, Before(func(c *Call) {
			c.message("sendmsg", "msg", c.Args[1], false)
		})),
		sys("recvmsg", A{FD("s"), Addr("msg"), Hex("flags")}, MayBlock,
			Before(func(c *Call) { c.extra = c.message("recvmsg", "msg", c.Args[1], true) }),
			After(func(c *Call) { c.received(c.extra.(message), c.Args[1], Result.eval(c)) })),
		sys("sendmmsg", A{FD("s"), Addr("mmsg"), Int("vlen"), Hex("flags")}, MayBlock, Before(sendmmsg), After(sentmmsg)),
		sys("recvmmsg", A{FD("s"), Addr("mmsg"), Int("vlen"), Hex("flags"), InOut("timeout", N(linux.SizeofTimespec)).Opt()},
			MayBlock, Before(recvmmsg), After(receivedmmsg)),
		sys("shutdown", A{FD("s"), Int("how")}),
		sys("getsockopt", A{FD("s"), Int("level"), Int("optname"), Addr("optval"), Addr("*optlen")},
			Before(getsockopt), After(gotsockopt)),
		sys("setsockopt", A{FD("s"), Int("level"), Int("optname"), Addr("optval"), Int("optlen")}, Before(setsockopt)),
	}
}

// sockaddr checks a socket address of n bytes by its family: what lies between its fields is not looked at.
func (c *Call) sockaddr(call, param string, a, n uint64) {
	prefix := "socketcall." + call + "(" + param
	c.address(func(field string) string { return prefix + "." + field + ")" }, a, n)
}

// address is sockaddr with the names of fields given.
func (c *Call) address(text func(field string) string, a, n uint64) {
	if a == 0 {
		return
	}
	c.read(text("sa_family"), a, min(n, 2))
	f, ok := c.load16(a)
	if !ok || n < 2 || c.fault {
		return
	}
	field := func(name string, off, size uint64) {
		if off < n {
			c.read(text(name), a+off, min(size, n-off))
		}
	}
	switch f {
	case unix.AF_UNSPEC: // nothing follows
	case unix.AF_UNIX:
		if n > 2 {
			if b := [1]byte{}; c.load(b[:], a+2) && b[0] == 0 {
				field("sun_path", 2, n-2) // abstract: all bytes count
			} else {
				field("sun_path", 2, c.stringLen(a+2, n-2))
			}
		}
	case unix.AF_INET:
		field("sin_port", 2, 2)
		field("sin_addr", 4, 4)
	case unix.AF_INET6:
		field("sin6_port", 2, 2)
		field("sin6_flowinfo", 4, 4)
		field("sin6_addr", 8, 16)
		field("sin6_scope_id", 24, 4)
	case unix.AF_NETLINK:
		field("nl_pid", 4, 4)
		field("nl_groups", 8, 4)
	case unix.AF_BLUETOOTH:
		field("rc_bdaddr", 2, 6)
		field("rc_channel", 8, 1)
	default:
		field("sa_data", 2, n-2)
	}
}

// stringLen is the length of the string at a with its zero, at most n.
func (c *Call) stringLen(a, n uint64) uint64 {
	b := make([]byte, min(n, guest.PageSize))
	b = b[:c.memory().ReadMem(b, guest.Addr(a))]
	for i, ch := range b {
		if ch == 0 {
			return uint64(i) + 1
		}
	}
	return n
}

// message is what a struct msghdr said before the call.
type message struct {
	name, nameLen       uint64
	control, controlLen uint64
	iov                 []guest.Range
}

// message checks the message header at a and what it leads to. call and param begin the names: sendmsg(msg.msg_iov).
func (c *Call) message(call, param string, a uint64, receive bool) message {
	head := call + "(" + param
	c.read(head+")", a+linux.MsgName, 8)
	c.read(head+")", a+linux.MsgNameLen, 4)
	c.read(head+")", a+linux.MsgIov, 16)
	c.read(head+")", a+linux.MsgControl, 16)
	if receive {
		c.write(head+")", a+linux.MsgFlags, 4)
	}
	var m message
	var ok [6]bool
	m.name, ok[0] = c.load64(a + linux.MsgName)
	nameLen, ok1 := c.load32(a + linux.MsgNameLen)
	m.nameLen, ok[1] = uint64(nameLen), ok1
	iov, ok2 := c.load64(a + linux.MsgIov)
	iovLen, ok3 := c.load64(a + linux.MsgIovLen)
	m.control, ok[4] = c.load64(a + linux.MsgControl)
	m.controlLen, ok[5] = c.load64(a + linux.MsgControlLen)
	ok[2], ok[3] = ok2, ok3
	if ok != [6]bool{true, true, true, true, true, true} || c.fault {
		return message{}
	}
	if m.name != 0 {
		if receive {
			c.write(head+".msg_name)", m.name, m.nameLen)
		} else {
			c.address(func(string) string { return head + ".msg_name)" }, m.name, m.nameLen)
		}
	}
	if iov != 0 && iovLen <= maxIovec {
		c.read(head+".msg_iov)", iov, iovLen*linux.SizeofIovec)
		m.iov = c.loadIovec(iov, iovLen)
		for i, r := range m.iov {
			elem := fmt.Sprintf("%s.msg_iov[%d])", head, i)
			if receive {
				c.write(elem, uint64(r.Start), r.Len())
			} else {
				c.read(elem, uint64(r.Start), r.Len())
			}
		}
	}
	if m.control != 0 {
		if receive {
			c.write(head+".msg_control)", m.control, m.controlLen)
		} else {
			c.controlMessages(head+".msg_control)", m.control, m.controlLen)
		}
	}
	return m
}

// controlMessages checks struct cmsghdr after struct cmsghdr: padding between them is not looked at.
func (c *Call) controlMessages(name string, a, n uint64) {
	const header = 16
	for n >= header && !c.fault {
		c.read(name, a, header)
		size, ok := c.load64(a)
		if !ok || size < header || size > n {
			return
		}
		c.read(name, a+header, size-header)
		step := (size + 7) &^ 7
		if step >= n {
			return
		}
		a, n = a+step, n-step
	}
}

// received marks what a message header at a led to: n bytes of data.
func (c *Call) received(m message, a, n uint64) {
	c.iov = m.iov
	c.wroteIovec(n)
	if m.name != 0 {
		size, _ := c.load32(a + linux.MsgNameLen)
		c.wrote(m.name, min(m.nameLen, uint64(size)))
	}
	c.wrote(a+linux.MsgNameLen, 4)
	if m.control != 0 {
		size, _ := c.load64(a + linux.MsgControlLen)
		c.wrote(m.control, min(m.controlLen, size))
		c.receivedDescriptors(m.control, min(m.controlLen, size))
	}
	c.wrote(a+linux.MsgControlLen, 8)
	c.wrote(a+linux.MsgFlags, 4)
}

// mmsgs calls f for each header of an array of struct mmsghdr, at most as many as the kernel takes.
func (c *Call) mmsgs(f func(i int, a uint64)) {
	for i := range min(Arg32(2).eval(c), maxIovec) {
		if c.fault {
			return
		}
		f(int(i), c.Args[1]+i*linux.SizeofMmsghdr)
	}
}

func sendmmsg(c *Call) {
	c.mmsgs(func(i int, a uint64) {
		c.message("sendmsg", fmt.Sprintf("mmsg[%d].msg_hdr", i), a, false)
		c.write(fmt.Sprintf("sendmmsg(mmsg[%d].msg_len)", i), a+linux.MmsgLen, 4)
	})
}

func sentmmsg(c *Call) {
	for i := range uint64(c.Result) {
		c.wrote(c.Args[1]+i*linux.SizeofMmsghdr+linux.MmsgLen, 4)
	}
}

func recvmmsg(c *Call) {
	var ms []message
	c.mmsgs(func(i int, a uint64) {
		ms = append(ms, c.message("recvmsg", fmt.Sprintf("mmsg[%d].msg_hdr", i), a, true))
		c.write(fmt.Sprintf("recvmmsg(mmsg[%d].msg_len)", i), a+linux.MmsgLen, 4)
	})
	c.extra = ms
}

func receivedmmsg(c *Call) {
	for i, m := range c.extra.([]message) {
		if int64(i) == c.Result {
			return
		}
		a := c.Args[1] + uint64(i)*linux.SizeofMmsghdr
		n, _ := c.load32(a + linux.MmsgLen)
		c.wrote(a+linux.MmsgLen, 4)
		c.received(m, a, uint64(n))
	}
}

// getsockopt: the size at optlen is of the buffer before and of the value after.
func getsockopt(c *Call) {
	size := c.Args[4]
	c.read(sc("getsockopt", "optlen"), size, 4)
	n := Deref32(4).eval(c)
	c.write(sc("getsockopt", "optlen_out"), size, 4)
	if c.Args[3] != 0 {
		c.write(sc("getsockopt", "optval"), c.Args[3], n)
	}
	c.extra = n
}

func gotsockopt(c *Call) {
	n := min(c.extra.(uint64), Deref32(4).eval(c))
	if c.Args[1] == unix.IPPROTO_SCTP && c.Args[2] == sctpSocketPeeloff {
		n = c.extra.(uint64)
	}
	c.wrote(c.Args[4], 4)
	c.wrote(c.Args[3], n)
}

// sctpSocketPeeloff (include/uapi/linux/sctp.h) is answered with a whole structure whatever size it reports.
const sctpSocketPeeloff = 102

// setsockopt: options are plain values but for socket filters, which are a pointer to a program.
func setsockopt(c *Call) {
	level, name, val := int(int32(c.Args[1])), int(int32(c.Args[2])), c.Args[3]
	if val == 0 {
		return
	}
	if level == unix.SOL_SOCKET && (name == unix.SO_ATTACH_FILTER || name == unix.SO_ATTACH_REUSEPORT_CBPF) {
		const head = "setsockopt(SOL_SOCKET, SO_ATTACH_FILTER, "
		c.read(head+"&optval.len)", val, 2)
		c.read(head+"&optval.filter)", val+8, 8)
		n, ok1 := c.load32(val)
		filter, ok2 := c.load64(val + 8)
		if ok1 && ok2 && filter != 0 {
			c.read(head+"optval.filter)", filter, uint64(n&0xffff)*8)
		}
		return
	}
	c.read(sc("setsockopt", "optval"), val, Arg32(4).eval(c))
}
