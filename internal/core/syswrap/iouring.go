package syswrap

import (
	"sync"

	"gogrind/internal/guest"
	"gogrind/internal/linux"

	"golang.org/x/sys/unix"
)

// The kernel reads io_uring's requests from shared memory and writes their results at any time. What they lead to is looked at
// when they are handed over: memory that they will fill counts as filled from then on, all of it. Structures and numbers:
// include/uapi/linux/io_uring.h.

// Flags of io_uring_setup and io_uring_enter, and where mmap finds the parts of a ring.
const (
	uringSQPoll     = 1 << 1  // IORING_SETUP_SQPOLL: the kernel takes requests by itself
	uringSQE128     = 1 << 10 // IORING_SETUP_SQE128
	uringNoMmap     = 1 << 14 // IORING_SETUP_NO_MMAP: the program has chosen the memory
	uringNoSQArray  = 1 << 16 // IORING_SETUP_NO_SQARRAY
	uringExtArg     = 1 << 3  // IORING_ENTER_EXT_ARG: sig points to a structure, not to a mask
	uringRegistered = 1 << 4  // IORING_ENTER_REGISTERED_RING: the descriptor is a number of the kernel's for one
	uringOffRing    = 0
	uringOffSQEs    = 0x10000000
)

// Offsets in struct io_uring_params.
const (
	uringParamFlags  = 8
	uringParamHead   = 40 // sq_off
	uringParamTail   = 44
	uringParamMask   = 48
	uringParamArray  = 64
	uringParamSQEs   = 72  // sq_off.user_addr
	uringParamCQAddr = 112 // cq_off.user_addr: of the ring
)

// uring is what is known of one ring.
type uring struct {
	flags                   uint32
	head, tail, mask, array uint64 // offsets in the ring
	ring, sqes              uint64 // addresses, 0 as long as they are not mapped
}

// request is struct io_uring_sqe as far as it is looked at.
type uringRequest struct {
	op, flags  uint8
	fd         int32
	addr2, ptr uint64
	size       uint64
}

// selectBuffer is IOSQE_BUFFER_SELECT: the kernel takes a buffer that it was given before.
const selectBuffer = 1 << 5

// uringOp says what a request leads to. The functions describe the memory behind its address, of which its length is part.
type uringOp struct {
	name string
	do   func(c *Call, name string, q *uringRequest)
}

func uringIn(size func(q *uringRequest) uint64) func(*Call, string, *uringRequest) {
	return func(c *Call, name string, q *uringRequest) { c.read(name, q.ptr, size(q)) }
}

func uringOut(size func(q *uringRequest) uint64) func(*Call, string, *uringRequest) {
	return func(c *Call, name string, q *uringRequest) { c.filled(name, q.ptr, size(q)) }
}

func uringLen(q *uringRequest) uint64 { return q.size }

func uringFixed(n uint64) func(*uringRequest) uint64 { return func(*uringRequest) uint64 { return n } }

func uringElems(n uint64) func(*uringRequest) uint64 {
	return func(q *uringRequest) uint64 { return n * q.size }
}

// uringPaths are names at the address and, if two is set, at the second one.
func uringPaths(two bool) func(*Call, string, *uringRequest) {
	return func(c *Call, name string, q *uringRequest) {
		c.readString(name, q.ptr)
		if two {
			c.readString(name, q.addr2)
		}
	}
}

// filled is memory that the kernel will have written when somebody looks at it.
func (c *Call) filled(name string, a, n uint64) {
	c.write(name, a, n)
	if !c.fault {
		c.wrote(a, n)
	}
}

func uringVector(fill bool) func(*Call, string, *uringRequest) {
	return func(c *Call, name string, q *uringRequest) {
		n := min(q.size, maxIovec)
		c.read(name, q.ptr, n*linux.SizeofIovec)
		for _, r := range c.loadIovec(q.ptr, n) {
			if fill {
				c.filled(name, uint64(r.Start), r.Len())
			} else {
				c.read(name, uint64(r.Start), r.Len())
			}
		}
	}
}

func uringReceive(c *Call, name string, q *uringRequest) {
	m := c.message(c.name(), "recvmsg", q.ptr, true)
	if c.fault {
		return
	}
	if q.flags&selectBuffer == 0 {
		for _, r := range m.iov {
			c.wrote(uint64(r.Start), r.Len())
		}
	}
	if m.name != 0 {
		c.wrote(m.name, m.nameLen)
	}
	if m.control != 0 {
		c.wrote(m.control, m.controlLen)
	}
	c.wrote(q.ptr+linux.MsgFlags, 4)
}

func uringSend(c *Call, name string, q *uringRequest) { c.message(c.name(), "sendmsg", q.ptr, false) }

func uringAccept(c *Call, name string, q *uringRequest) {
	if q.ptr == 0 || q.addr2 == 0 {
		return
	}
	c.read(name, q.addr2, 4)
	if n, ok := c.load32(q.addr2); ok && int32(n) > 0 {
		c.filled(name, q.ptr, uint64(n))
	}
}

// uringProvide hands over buffers, fd of them, which later requests fill.
func uringProvide(c *Call, name string, q *uringRequest) {
	if q.fd > 0 {
		c.filled(name, q.ptr, uint64(q.fd)*q.size)
	}
}

// uringOps by number. Requests without a row lead nowhere.
var uringOps = sync.OnceValue(func() map[uint8]uringOp {
	return map[uint8]uringOp{
		1:  {"READV", uringVector(true)},
		2:  {"WRITEV", uringVector(false)},
		4:  {"READ_FIXED", uringOut(uringLen)},
		5:  {"WRITE_FIXED", uringIn(uringLen)},
		9:  {"SENDMSG", uringSend},
		10: {"RECVMSG", uringReceive},
		11: {"TIMEOUT", uringIn(uringFixed(linux.SizeofTimespec))},
		13: {"ACCEPT", uringAccept},
		15: {"LINK_TIMEOUT", uringIn(uringFixed(linux.SizeofTimespec))},
		16: {"CONNECT", uringIn(func(q *uringRequest) uint64 { return q.addr2 })},
		18: {"OPENAT", uringPaths(false)},
		20: {"FILES_UPDATE", uringIn(uringElems(4))},
		21: {"STATX", func(c *Call, name string, q *uringRequest) {
			c.readString(name, q.ptr)
			c.filled(name, q.addr2, 256) // struct statx
		}},
		22: {"READ", uringOut(uringLen)},
		23: {"WRITE", uringIn(uringLen)},
		26: {"SEND", uringIn(uringLen)},
		27: {"RECV", uringOut(uringLen)},
		28: {"OPENAT2", func(c *Call, name string, q *uringRequest) {
			c.readString(name, q.ptr)
			c.read(name, q.addr2, q.size)
		}},
		29: {"EPOLL_CTL", func(c *Call, name string, q *uringRequest) {
			if q.size != unix.EPOLL_CTL_DEL { // where the operation is
				c.read(name, q.ptr, linux.SizeofEpollEvent)
			}
		}},
		31: {"PROVIDE_BUFFERS", uringProvide},
		35: {"RENAMEAT", uringPaths(true)},
		36: {"UNLINKAT", uringPaths(false)},
		37: {"MKDIRAT", uringPaths(false)},
		38: {"SYMLINKAT", uringPaths(true)},
		39: {"LINKAT", uringPaths(true)},
		41: {"FSETXATTR", uringXattr(false)},
		42: {"SETXATTR", uringXattr(false)},
		43: {"FGETXATTR", uringXattr(true)},
		44: {"GETXATTR", uringXattr(true)},
		47: {"SEND_ZC", uringIn(uringLen)},
		48: {"SENDMSG_ZC", uringSend},
		59: {"EPOLL_WAIT", uringOut(uringElems(linux.SizeofEpollEvent))},
		60: {"READV_FIXED", uringVector(true)},
		61: {"WRITEV_FIXED", uringVector(false)},
		62: {"PIPE", uringOut(uringFixed(8))},
	}
})

// uringXattr: the name is at the address, the value at the second one.
func uringXattr(fill bool) func(*Call, string, *uringRequest) {
	return func(c *Call, name string, q *uringRequest) {
		c.readString(name, q.ptr)
		if fill {
			c.filled(name, q.addr2, q.size)
		} else {
			c.read(name, q.addr2, q.size)
		}
	}
}

// uringSetup notes what a new ring looks like.
func uringSetup(c *Call) int64 {
	fd := c.perform()
	if fd < 0 || c.e.watch == nil {
		return fd
	}
	p := c.Args[1]
	u := &uring{}
	var ok [5]bool
	u.flags, ok[0] = c.load32(p + uringParamFlags)
	for i, f := range []struct {
		to  *uint64
		off uint64
	}{{&u.head, uringParamHead}, {&u.tail, uringParamTail}, {&u.mask, uringParamMask}, {&u.array, uringParamArray}} {
		var v uint32
		v, ok[i+1] = c.load32(p + f.off)
		*f.to = uint64(v)
	}
	if ok != [5]bool{true, true, true, true, true} {
		return fd
	}
	if u.flags&uringSQPoll != 0 {
		c.e.warn("sqpoll", "the kernel polls an io_uring of the guest's: which memory it fills is not seen")
	}
	if u.flags&uringNoMmap != 0 {
		u.sqes, _ = c.load64(p + uringParamSQEs)
		u.ring, _ = c.load64(p + uringParamCQAddr)
	}
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	if c.e.urings == nil {
		c.e.urings = make(map[int32]*uring)
	}
	c.e.urings[int32(fd)] = u
	return fd
}

// uringMapped notes where the guest has mapped a part of a ring.
func (e *Engine) uringMapped(fd int32, off uint64, a guest.Addr) {
	e.mu.Lock()
	defer e.mu.Unlock()
	u := e.urings[fd]
	switch {
	case u == nil:
	case off == uringOffRing:
		u.ring = uint64(a)
	case off == uringOffSQEs:
		u.sqes = uint64(a)
	}
}

// uringsOf are the rings that fd may be: all of them if it is not the descriptor that the ring came with.
func (c *Call) uringsOf() []uring {
	e := c.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if u := e.urings[int32(c.Args[0])]; u != nil && c.Args[3]&uringRegistered == 0 {
		return []uring{*u}
	}
	var all []uring
	for _, u := range e.urings {
		all = append(all, *u)
	}
	return all
}

// uringEnter looks at the requests that are about to be taken.
func uringEnter(c *Call) {
	if c.Args[4] != 0 {
		c.read(c.text("sig"), c.Args[4], c.Args[5])
	}
	if c.e.watch == nil || uint32(c.Args[1]) == 0 {
		return
	}
	for _, u := range c.uringsOf() {
		c.submitted(&u, uint32(c.Args[1]))
	}
}

// submitted looks at the next max requests of a ring.
func (c *Call) submitted(u *uring, max uint32) {
	head, ok1 := c.load32(u.ring + u.head)
	tail, ok2 := c.load32(u.ring + u.tail)
	mask, ok3 := c.load32(u.ring + u.mask)
	if u.ring == 0 || u.sqes == 0 || !ok1 || !ok2 || !ok3 {
		return
	}
	size := uint64(64)
	if u.flags&uringSQE128 != 0 {
		size = 128
	}
	for n := min(tail-head, max, mask+1); n > 0; n-- {
		i := head & mask
		if u.flags&uringNoSQArray == 0 {
			var ok bool
			if i, ok = c.load32(u.ring + u.array + 4*uint64(i)); !ok || i > mask {
				return
			}
		}
		c.uringRequest(u.sqes + uint64(i)*size)
		head++
	}
}

// uringRequest looks at the request at a. Addresses that are the tool's are left to the kernel: the guest has them from nowhere.
func (c *Call) uringRequest(a uint64) {
	var b [32]byte
	if !c.load(b[:], a) {
		return
	}
	q := uringRequest{op: b[0], flags: b[1], fd: int32(get32(b[4:])), addr2: get64(b[8:]), ptr: get64(b[16:]), size: uint64(get32(b[24:]))}
	op, ok := uringOps()[q.op]
	if !ok || q.flags&selectBuffer != 0 && q.op != 10 { // RECVMSG has a header all the same
		return
	}
	op.do(c, c.text(op.name), &q)
	c.fault = false // of that request
}

func uringMask(c *Call) int64 {
	if c.Args[3]&uringExtArg != 0 {
		return c.perform()
	}
	c.raw[4] = 0
	return c.masked(c.Args[4], c.Args[5])
}

// uringRegisters are the commands of io_uring_register by number. nr is the last argument.
var uringRegisters = sync.OnceValue(func() map[uint32]*subRow {
	row := func(name string, arg Param) *subRow {
		return &subRow{name: name, args: named("io_uring_register", at(2, arg))}
	}
	nr := func(size uint64) Size { return Times(Arg32(3), size) }
	return map[uint32]*subRow{
		0:  row("BUFFERS", In("arg", nr(linux.SizeofIovec))),
		2:  row("FILES", In("arg", nr(4)).Opt()),
		4:  row("EVENTFD", In("arg", N(4))),
		6:  row("FILES_UPDATE", In("arg", N(16))),
		7:  row("EVENTFD_ASYNC", In("arg", N(4))),
		8:  row("PROBE", InOut("arg", Fn("16 + 8 * arg3", func(c *Call) uint64 { return 16 + 8*Arg32(3).eval(c) }))),
		11: row("RESTRICTIONS", In("arg", nr(16))),
		13: row("FILES2", In("arg", Arg32(3))),
		14: row("FILES_UPDATE2", In("arg", Arg32(3))),
		15: row("BUFFERS2", In("arg", Arg32(3))),
		16: row("BUFFERS_UPDATE", In("arg", Arg32(3))),
		17: row("IOWQ_AFF", In("arg", Arg32(3))),
		19: row("IOWQ_MAX_WORKERS", InOut("arg", N(8))),
		20: row("RING_FDS", InOut("arg", nr(16))),
		21: row("UNREGISTER_RING_FDS", In("arg", nr(16))),
		22: row("PBUF_RING", In("arg", N(40))),
		23: row("UNREGISTER_PBUF_RING", In("arg", N(40))),
		24: row("SYNC_CANCEL", In("arg", N(64))),
		25: row("FILE_ALLOC_RANGE", In("arg", N(16))),
		26: row("PBUF_STATUS", InOut("arg", N(40))),
		27: row("NAPI", InOut("arg", N(16))),
		28: row("UNREGISTER_NAPI", Out("arg", N(16)).Opt()),
		29: row("CLOCK", In("arg", N(16))),
		30: row("CLONE_BUFFERS", In("arg", N(32))),
		33: row("RESIZE_RINGS", InOut("arg", N(linux.SizeofIoUringParms))),
		34: row("MEM_REGION", In("arg", N(16))),
	}
})

// uringRegisterRow finds the row of a command: UNREGISTER_BUFFERS and a few others have none, and no argument.
func uringRegisterRow(c *Call) *subRow {
	const pbufRing, overRegistered = 22, 1 << 31 // IORING_REGISTER_USE_REGISTERED_RING
	op := uint32(c.Args[1]) &^ overRegistered
	if op == pbufRing && c.e.watch != nil {
		c.e.warn("pbuf ring", "the guest gives an io_uring a ring of buffers: which of them the kernel fills is not seen")
	}
	return uringRegisters()[op]
}
