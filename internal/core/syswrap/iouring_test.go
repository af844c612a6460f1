package syswrap

import (
	"slices"
	"strings"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/linux"

	"golang.org/x/sys/unix"
)

// ringRig is a rig with a ring of four entries on descriptor 5, whose memory is the test's.
type ringRig struct {
	*rig
	ring, sqes uint64
}

// Offsets that the ring of these tests has.
const (
	testHead, testTail, testMask, testArray = 0, 4, 8, 64
	testEntries                             = 4
)

func newRingRig(t *testing.T, flags uint32) *ringRig {
	r := &ringRig{rig: newRig(t)}
	r.ring, r.sqes = r.room(256, 0), r.room(testEntries*128, 0)
	p := r.room(linux.SizeofIoUringParms, 0)
	for off, v := range map[int]uint32{uringParamFlags: flags, uringParamHead: testHead, uringParamTail: testTail,
		uringParamMask: testMask, uringParamArray: testArray} {
		put32(r.bytes(p, linux.SizeofIoUringParms)[off:], v)
	}
	r.t.refuse, r.t.answer = true, 5
	if fd := r.must("io_uring_setup", testEntries, p); fd != 5 {
		t.Fatalf("descriptor %d", fd)
	}
	put32(r.bytes(r.ring+testMask, 4), testEntries-1)
	r.e.uringMapped(5, uringOffRing, guest.Addr(r.ring))
	r.e.uringMapped(5, uringOffSQEs, guest.Addr(r.sqes))
	return r
}

// put writes request i.
func (r *ringRig) put(i int, size uint64, op, flags byte, fd uint32, addr2, ptr uint64, n uint32) {
	b := r.bytes(r.sqes+uint64(i)*size, 64)
	b[0], b[1] = op, flags
	put32(b[4:], fd)
	put64(b[8:], addr2)
	put64(b[16:], ptr)
	put32(b[24:], n)
}

// enter hands over n of the requests from head to tail.
func (r *ringRig) enter(fd uint64, head, tail, n uint32) {
	put32(r.bytes(r.ring+testHead, 4), head)
	put32(r.bytes(r.ring+testTail, 4), tail)
	r.t.answer = int64(n)
	r.must("io_uring_enter", fd, uint64(n), 0, 0, 0, 8)
}

// What requests lead to is checked, and memory that they fill counts as written.
func TestUringRequests(t *testing.T) {
	const big = 64
	for _, tc := range []struct {
		name    string
		op      byte
		flags   byte
		fd      uint32
		request func(r *ringRig, a uint64) (ptr, addr2 uint64, n uint32)
		want    string // messages, in order
		wrote   [2]int // bytes of the buffer that count as written: from, to
	}{
		{"READ", 22, 0, 3, func(r *ringRig, a uint64) (uint64, uint64, uint32) { return a, 0, 40 }, "write READ", [2]int{0, 40}},
		{"WRITE", 23, 0, 3, func(r *ringRig, a uint64) (uint64, uint64, uint32) { return a, 0, 40 }, "read WRITE", [2]int{}},
		{"READV", 1, 0, 3, func(r *ringRig, a uint64) (uint64, uint64, uint32) { return r.words(a+8, 16), 0, 1 }, "read READV, write READV", [2]int{8, 24}},
		{"RECV from a group", 27, selectBuffer, 3, func(r *ringRig, a uint64) (uint64, uint64, uint32) { return a, 0, 40 }, "", [2]int{}},
		{"PROVIDE_BUFFERS", 31, 0, 2, func(r *ringRig, a uint64) (uint64, uint64, uint32) { return a, 0, 20 }, "write PROVIDE_BUFFERS", [2]int{0, 40}},
		{"ACCEPT", 13, 0, 3, func(r *ringRig, a uint64) (uint64, uint64, uint32) { return a, r.words(16), 0 }, "read ACCEPT, write ACCEPT", [2]int{0, 16}},
		{"ACCEPT without address", 13, 0, 3, func(r *ringRig, a uint64) (uint64, uint64, uint32) { return 0, 0, 0 }, "", [2]int{}},
		{"OPENAT", 18, 0, 3, func(r *ringRig, a uint64) (uint64, uint64, uint32) { return r.str("x"), 0, 0 }, "string OPENAT", [2]int{}},
		{"GETXATTR", 44, 0, 3, func(r *ringRig, a uint64) (uint64, uint64, uint32) { return r.str("x"), a, 10 }, "string GETXATTR, write GETXATTR", [2]int{0, 10}},
		{"EPOLL_CTL", 29, 0, 3, func(r *ringRig, a uint64) (uint64, uint64, uint32) { return a, 7, unix.EPOLL_CTL_ADD }, "read EPOLL_CTL", [2]int{}},
		{"EPOLL_CTL del", 29, 0, 3, func(r *ringRig, a uint64) (uint64, uint64, uint32) { return 0, 7, unix.EPOLL_CTL_DEL }, "", [2]int{}},
		{"the tool's memory", 22, 0, 3, func(r *ringRig, a uint64) (uint64, uint64, uint32) { return uint64(guest.ToolBase), 0, 40 }, "", [2]int{}},
		{"NOP", 0, 0, 3, func(r *ringRig, a uint64) (uint64, uint64, uint32) { return a, a, 9 }, "", [2]int{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, flags := range []uint32{0, uringSQE128, uringNoSQArray} {
				r := newRingRig(t, flags)
				a := r.room(big, 0)
				size := uint64(64)
				if flags&uringSQE128 != 0 {
					size = 128
				}
				slot := 2 // requests 7 and 8 of a ring of four are at places 3 and 0, which lead to 2 and 1
				put32(r.bytes(r.ring+testArray+4*3, 4), 2)
				put32(r.bytes(r.ring+testArray, 4), 1)
				if flags&uringNoSQArray != 0 {
					slot = 3
				}
				ptr, addr2, n := tc.request(r, a)
				r.put(slot, size, tc.op, tc.flags, tc.fd, addr2, ptr, n)
				r.enter(5, 7, 9, 1)
				var got []string
				for _, w := range r.w.list {
					if what, ok := strings.CutPrefix(w.param, "io_uring_enter("); ok && (w.what == "read" || w.what == "write" || w.what == "string") {
						got = append(got, w.what+" "+strings.TrimSuffix(what, ")"))
					}
				}
				if s := strings.Join(got, ", "); s != tc.want {
					t.Errorf("flags %#x: said %q, want %q", flags, s, tc.want)
				}
				for i := range big {
					if want := i >= tc.wrote[0] && i < tc.wrote[1]; r.w.wrote(a+uint64(i)) != want {
						t.Errorf("flags %#x: byte %d counts as written: %v", flags, i, !want)
						break
					}
				}
			}
		})
	}
}

// A descriptor that is not the one of the setup may be any ring; rings that are not mapped, and requests behind the number
// handed over, are not looked at.
func TestUringLookup(t *testing.T) {
	r := newRingRig(t, uringNoSQArray)
	a := r.room(64, 0)
	r.put(0, 64, 22, 0, 3, 0, a, 8)
	r.put(1, 64, 22, 0, 3, 0, a+32, 8)
	r.enter(77, 0, 2, 1)
	if !r.w.wrote(a) || r.w.wrote(a+32) {
		t.Errorf("after one request through another descriptor: %v, %v", r.w.wrote(a), r.w.wrote(a+32))
	}
	r.e.uringMapped(5, uringOffSQEs, 0)
	r.enter(5, 0, 2, 2)
	if r.w.wrote(a) {
		t.Error("requests that are not mapped were looked at")
	}
}

func TestUringWarnings(t *testing.T) {
	r := newRingRig(t, uringSQPoll)
	r.t.answer = 0
	r.must("io_uring_register", 5, 22, r.room(40, 0), 1)
	if len(r.warn) != 2 {
		t.Errorf("warnings %q", r.warn)
	}
	r.must("io_uring_register", 5, 2, r.words(1, 2), 4)
	if got := r.w.names("read"); !slices.Contains(got, "io_uring_register(arg)") {
		t.Errorf("checked: %q", got)
	}
}
