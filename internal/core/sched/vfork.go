package sched

import (
	"encoding/binary"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/aspace"
	"gogrind/internal/guest"
)

// lentStack is how much of the parent's stack, from the stack pointer up, a child of vfork gives back when it ends: enough
// for the frames of the functions that call vfork or posix_spawn, which is where the child says what went wrong.
const lentStack = 64 << 10

// lender ties the parent of a vfork to its child. The child has a copy of the memory that natively it would share. The
// parent reads the pipe until it is closed, which an exec does, or the end of the child; before it ends otherwise, the
// child writes what it has changed in the parent's frames: address and new contents of each word.
type lender struct {
	r, w   int
	stack  guest.Addr
	before []byte // what was there when the child began
}

// lend prepares a vfork by t. No guest thread runs, so that the descriptors do not get in the way of the guest's.
func (t *Thread) lend() (*lender, error) {
	var low [2]int
	if err := unix.Pipe2(low[:], unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	l := &lender{r: -1, w: -1, stack: guest.Addr(t.ctx.Regs.GPR[guest.RSP])}
	first := t.s.cfg.FirstFD
	var err1, err2 error
	l.r, err1 = unix.FcntlInt(uintptr(low[0]), unix.F_DUPFD_CLOEXEC, first)
	l.w, err2 = unix.FcntlInt(uintptr(low[1]), unix.F_DUPFD_CLOEXEC, first)
	unix.Close(low[0])
	unix.Close(low[1])
	if err := errors.Join(err1, err2); err != nil {
		l.abandon()
		return nil, err
	}
	size := int(min(uint64(t.Stack().End-l.stack), lentStack))
	l.before = make([]byte, size)
	l.before = l.before[:t.s.cfg.Space.ReadMem(l.before, l.stack)]
	return l, nil
}

func (l *lender) abandon() {
	for _, fd := range []int{l.r, l.w} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	l.r, l.w = -1, -1
}

// inChild is called in the child when it begins.
func (l *lender) inChild() {
	unix.Close(l.r)
	l.r = -1
}

// giveBack is called in the child when it ends.
func (l *lender) giveBack(m *aspace.Space) {
	const word = 8
	after := make([]byte, len(l.before))
	after = after[:m.ReadMem(after, l.stack)]
	var msg []byte
	for i := 0; i+word <= len(after); i += word {
		if new := le64(after[i:]); new != le64(l.before[i:]) {
			msg = binary.LittleEndian.AppendUint64(msg, uint64(l.stack)+uint64(i))
			msg = binary.LittleEndian.AppendUint64(msg, new)
		}
	}
	for len(msg) > 0 {
		n, err := unix.Write(l.w, msg)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return // the parent is no more
		}
		msg = msg[max(n, 0):]
	}
}

// awaitReturn makes the parent wait as vfork does: no signal ends it.
func (t *Thread) awaitReturn(l *lender) {
	unix.Close(l.w)
	l.w = -1
	s := t.s
	s.mu.Lock()
	t.waitFD = l.r
	t.parked = true
	s.cond.Broadcast()
	s.mu.Unlock()
	msg, _ := io.ReadAll(pipeReader(l.r))
	s.mu.Lock()
	t.waitFD = 0
	s.mu.Unlock()
	t.unpark()
	l.abandon()
	for ; len(msg) >= 16; msg = msg[16:] {
		s.cfg.Space.WriteMem(msg[8:16], guest.Addr(le64(msg)))
	}
}

// pipeReader reads a descriptor by plain system calls, through interruptions.
type pipeReader int

func (fd pipeReader) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(int(fd), b)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}
