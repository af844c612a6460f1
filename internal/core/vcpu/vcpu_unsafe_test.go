package vcpu

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

// TestLayout checks what assembly and generated code take for granted.
func TestLayout(t *testing.T) {
	var c Context
	for _, row := range []struct {
		what string
		ok   bool
	}{
		{"the context ends before its XSAVE area", unsafe.Sizeof(c) <= XSaveOffset},
		{"the XSAVE area is aligned", XSaveOffset%64 == 0 && contextSkew%64 == 0},
		{"the XSAVE area fits", XSaveOffset+XSaveMax <= Size && contextSkew+Size <= slot},
		{"word 0 is the context's own address", unsafe.Offsetof(c.Self) == 0},
		{"RIP and RFLAGS follow the general registers", unsafe.Offsetof(c.Regs.RIP) == 16*8 && unsafe.Offsetof(c.Regs.RFlags) == 17*8},
		{"siginfo is what the kernel makes", unsafe.Sizeof(c.Info) == 128},
		{"the ring is a power of two", ringSize&(ringSize-1) == 0},
		{"exit codes have room for kinds", Kind(uint64(Code(ExitVerify, 0xffffff))) == ExitVerify && Arg(uint64(Code(ExitVerify, 0xffffff))) == 0xffffff},
	} {
		if !row.ok {
			t.Errorf("not true: %s", row.what)
		}
	}
}

const (
	codeAt  = 0x20000000
	stackAt = 0x20002000
)

// goTable is the runtime's table of signals, and goEntries a copy of it as it was before Init. initOnce sets them.
var goTable, goEntries []sigEntry

var initOnce = sync.OnceValue(func() error {
	goTable = sigTable()
	goEntries = slices.Clone(goTable)
	flags := uintptr(unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_FIXED)
	if _, _, e := unix.RawSyscall6(unix.SYS_MMAP, codeAt, 0x4000, 7, flags, ^uintptr(0), 0); e != 0 {
		return e
	}
	r, w, err := os.Pipe() // starts Go's network poller, which Init looks for
	if err != nil {
		return err
	}
	r.Close()
	w.Close()
	return Init(Config{Cache: guest.Range{Start: codeAt, End: codeAt + 0x1000}})
})

// newThread locks the test to its thread and makes it a guest thread with a stack.
func newThread(t *testing.T) *Context {
	t.Helper()
	if err := initOnce(); err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	*c = Context{XMask: c.XMask, Regs: guest.Regs{RFlags: 0x202}} // contexts are used again
	c.Regs.GPR[guest.RSP] = stackAt + 0x1000
	c.Attach(0)
	mask := SetMask(0)
	t.Cleanup(func() {
		SetMask(mask)
		c.Detach()
		Free(c)
		runtime.UnlockOSThread()
	})
	return c
}

// put writes code to the cache and returns the address behind it.
func put(at uint64, code ...byte) uint64 {
	copy(unsafe.Slice((*byte)(guest.Pointer(uintptr(at))), len(code)), code)
	return at + uint64(len(code))
}

// leave writes the way out with a reason: a store and a jump, whose address is returned.
func leave(at uint64, kind, arg int) (jump uint64) {
	b := binary.LittleEndian.AppendUint32([]byte{0x64, 0xc7, 0x04, 0x25}, uint32(OffExit))
	b = binary.LittleEndian.AppendUint32(b, Code(kind, arg))
	jump = put(at, b...)
	put(jump, binary.LittleEndian.AppendUint32([]byte{0xe9}, uint32(uint64(ExitStub())-jump-5))...)
	return jump
}

// TestState runs code that does nothing with random registers, which must come back as they were.
func TestState(t *testing.T) {
	c := newThread(t)
	rng := rand.New(rand.NewPCG(1, 1))
	leave(codeAt, ExitCheck, 12345)
	want := make([]byte, 2688)
	for n := 0; n < 2000; n++ {
		var regs guest.Regs
		for i := range regs.GPR {
			regs.GPR[i] = rng.Uint64()
		}
		regs.RFlags = rng.Uint64()&0xcd5 | 0x202
		c.Regs = regs
		x := c.XSave()[:len(want)]
		for i := range x {
			x[i] = byte(rng.Uint32())
		}
		binary.LittleEndian.PutUint32(x, 0x37f)       // x87 control word; no pending exception
		x[5] = 0                                      // reserved
		binary.LittleEndian.PutUint32(x[24:], 0x1f80) // MXCSR
		for i := 0; i < 8; i++ {
			clear(x[32+16*i+10 : 32+16*i+16])
		}
		clear(x[512:576])
		x[512] = byte(c.XMask)
		copy(want, x)
		c.Run(codeAt)
		if Kind(c.Exit) != ExitCheck || Arg(c.Exit) != 12345 {
			t.Fatalf("exit %#x", c.Exit)
		}
		if c.Regs != regs {
			t.Fatalf("registers %x, want %x", c.Regs, regs)
		}
		// Pointers to the last x87 instruction are saved only with an exception; 416 to 511 and the header are not registers.
		got := bytes.Clone(x)
		for _, b := range [][]byte{got, want} {
			clear(b[6:24])
			clear(b[28:32])
			clear(b[416:576])
		}
		if !bytes.Equal(got, want) {
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("vector state at %d: %x, want %x", i, got[i:i+8], want[i:i+8])
				}
			}
		}
	}
}

// TestAborted: a pending signal keeps a thread out of guest code, with its registers as they were.
func TestAborted(t *testing.T) {
	c := newThread(t)
	put(codeAt, 0x0f, 0x0b)
	c.Pending, c.Regs.GPR[guest.RAX] = 1, 77
	regs := c.Regs
	c.Run(codeAt)
	if Kind(c.Exit) != ExitAborted || c.Regs != regs {
		t.Errorf("exit %#x, registers %x", c.Exit, c.Regs)
	}
	c.Pending = 0
	c.Run(codeAt)
	if Kind(c.Exit) != ExitFault || c.Signo != uint64(unix.SIGILL) || c.HostPC != codeAt {
		t.Errorf("exit %#x, signal %d at %#x", c.Exit, c.Signo, c.HostPC)
	}
}

// TestInterrupted sends a signal into an endless loop.
func TestInterrupted(t *testing.T) {
	c := newThread(t)
	put(codeAt, 0xeb, 0xfe) // jmp to itself
	pid, tid := os.Getpid(), unix.Gettid()
	for n := 0; n < 50; n++ {
		c.Pending = 0
		go func() {
			time.Sleep(time.Duration(n) * 10 * time.Microsecond)
			unix.Tgkill(pid, tid, unix.SIGUSR1)
		}()
		c.Run(codeAt)
		if k := Kind(c.Exit); k != ExitInterrupt && k != ExitAborted || k == ExitInterrupt && c.HostPC != codeAt {
			t.Fatalf("exit %#x at %#x", c.Exit, c.HostPC)
		}
		var info SigInfo
		if c.Pending == 0 || !c.NextSignal(&info) || info[0] != byte(unix.SIGUSR1) || c.NextSignal(&info) || !c.Unblock(0) {
			t.Fatalf("pending %d, signal %d", c.Pending, info[0])
		}
	}
}

// TestRing: signals keep their order, each stays with the kernel until the one before has been looked at, and the kick leaves no entry.
func TestRing(t *testing.T) {
	c := newThread(t)
	pid, tid := os.Getpid(), unix.Gettid()
	const total = 5 * ringSize
	for round := 0; round < 3; round++ {
		for i := range total {
			var info SigInfo
			binary.LittleEndian.PutUint32(info[8:], ^uint32(0)) // SI_QUEUE
			binary.LittleEndian.PutUint32(info[24:], uint32(i))
			if _, _, e := unix.RawSyscall6(unix.SYS_RT_TGSIGQUEUEINFO, uintptr(pid), uintptr(tid), 40, uintptr(unsafe.Pointer(&info)), 0, 0); e != 0 {
				t.Fatal(e)
			}
		}
		var info SigInfo
		n := 0
		for more := true; more; more = c.Unblock(0) {
			for i := 0; c.NextSignal(&info); i, n = i+1, n+1 {
				if i > 0 {
					t.Fatalf("signal %d was taken with the one before it", n)
				}
				if v := binary.LittleEndian.Uint32(info[24:]); info[0] != 40 || v != uint32(n) {
					t.Fatalf("signal %d is %d, value %d", n, info[0], v)
				}
			}
		}
		if n != total || c.Queued() {
			t.Fatalf("%d signals, want %d; queued %v", n, total, c.Queued())
		}
	}
	if m := SetMask(0); m != 0 {
		t.Errorf("mask %#x stays", m)
	}
	c.Pending = 0
	unix.Tgkill(pid, tid, unix.Signal(Kick))
	var info SigInfo
	if c.Pending == 0 || c.NextSignal(&info) {
		t.Errorf("after a kick: pending %d, signal %d", c.Pending, info[0])
	}
}

// TestSyscall: a pending signal keeps a call from starting; one that arrives ends it.
func TestSyscall(t *testing.T) {
	c := newThread(t)
	var fds [2]int
	if err := unix.Pipe(fds[:]); err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	args := [6]uint64{uint64(fds[0]), uint64(uintptr(unsafe.Pointer(&b))), 1}
	c.Pending = 1
	if r, aborted := c.Syscall(unix.SYS_READ, &args); !aborted || r != -512 || c.Restarts != 1 {
		t.Errorf("with a signal pending: %d, aborted %v", r, aborted)
	}
	c.Pending = 0
	pid, tid := os.Getpid(), unix.Gettid()
	go func() {
		time.Sleep(5 * time.Millisecond)
		unix.Tgkill(pid, tid, unix.SIGUSR1)
	}()
	if r, aborted := c.Syscall(unix.SYS_READ, &args); aborted || r != -512 || c.Pending == 0 {
		t.Errorf("interrupted read: %d, aborted %v, pending %d", r, aborted, c.Pending)
	}
	c.Unblock(0)
	c.Pending = 0
	go func() {
		time.Sleep(5 * time.Millisecond)
		unix.Tgkill(pid, tid, unix.SIGUSR1)
	}()
	if r, aborted := c.Syscall(unix.SYS_PAUSE, &[6]uint64{}); aborted || r != -int64(unix.EINTR) || c.Pending == 0 {
		t.Errorf("interrupted pause: %d, aborted %v, pending %d", r, aborted, c.Pending)
	}
	c.Unblock(0)
	c.Pending = 0
	unix.Write(fds[1], []byte{42})
	if r, aborted := c.Syscall(unix.SYS_READ, &args); aborted || r != 1 || b[0] != 42 {
		t.Errorf("read: %d, aborted %v, %d", r, aborted, b[0])
	}
}

// TestSyscallRace sends signals all the time: no call may block with a signal unseen.
func TestSyscallRace(t *testing.T) {
	c := newThread(t)
	var fds [2]int
	if err := unix.Pipe(fds[:]); err != nil {
		t.Fatal(err)
	}
	pid, tid := os.Getpid(), unix.Gettid()
	var sent, want atomic.Int64
	go func() {
		for want.Load() >= 0 {
			if sent.Load() < want.Load() {
				sent.Add(1)
				unix.Tgkill(pid, tid, unix.SIGUSR1)
			}
		}
	}()
	defer want.Store(-1)
	var b [1]byte
	args := [6]uint64{uint64(fds[0]), uint64(uintptr(unsafe.Pointer(&b))), 1}
	for n := int64(1); n <= 20_000; n++ {
		want.Store(n) // one signal comes, before the call, in it, or in between: a lost one lets the test hang
		c.Syscall(unix.SYS_READ, &args)
		for c.Pending == 0 {
			runtime.Gosched()
		}
		c.Pending = 0
		var info SigInfo
		if !c.NextSignal(&info) {
			t.Fatalf("round %d: no signal", n)
		}
		c.Unblock(0)
	}
}

// TestClosedThreads: nothing in the runtime's table lets a signal through that may be the guest's, and all else is as it was. That
// such signals reach the guest is for tests of whole programs (testdata/guest/same/signalfd.c).
func TestClosedThreads(t *testing.T) {
	newThread(t)
	table := goTable
	if table == nil {
		t.Fatal("the runtime's table of signals is not what it is known to be: signals that the guest blocks can get lost in Go's threads")
	}
	for _, sig := range []unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGABRT, unix.SIGTERM, unix.SIGCHLD, 32, 33, 34} {
		if e := &table[sig-1]; e.flags&unblocked != 0 {
			t.Errorf("%q has flags %#x", e.name, e.flags)
		}
	}
	for _, sig := range []unix.Signal{unix.SIGSEGV, unix.SIGPROF, unix.SIGSTKFLT} {
		if e := &table[sig-1]; e.flags&unblocked == 0 {
			t.Errorf("%q has flags %#x", e.name, e.flags)
		}
	}
}

// TestSigTableUnknown: a table that another version of Go might have is not taken for the one that is known, and nothing ends for want
// of it.
func TestSigTableUnknown(t *testing.T) {
	newThread(t)
	find := func(table []sigEntry) []sigEntry {
		lo := uintptr(unsafe.Pointer(&table[0]))
		return findSigTable(0, lo, lo+uintptr(len(table))*unsafe.Sizeof(table[0]))
	}
	if len(goEntries) != 64 {
		t.Fatalf("the table has %d entries", len(goEntries))
	}
	if got := find(slices.Clone(goEntries)); !slices.Equal(got, goEntries) {
		t.Errorf("a copy of the table is not found: %v", got)
	}
	for name, change := range map[string]func(table []sigEntry) []sigEntry{
		"text":  func(table []sigEntry) []sigEntry { table[0].name = "SIGHUP: hangup"; return table },
		"other": func(table []sigEntry) []sigEntry { table[unix.SIGTERM-1].name = "SIGTERM: finis"; return table },
		"flags": func(table []sigEntry) []sigEntry { table[unix.SIGCHLD-1].flags <<= 1; return table },
		"order": func(table []sigEntry) []sigEntry {
			table[unix.SIGCHLD-1], table[unix.SIGCHLD] = table[unix.SIGCHLD], table[unix.SIGCHLD-1]
			return table
		},
		"short": func(table []sigEntry) []sigEntry { return table[:63] },
	} {
		if find(change(slices.Clone(goEntries))) != nil {
			t.Errorf("%s: found", name)
		}
	}
	closeThreads(nil)
}

// TestTakeSignal: what the kernel holds back is taken one at a time, and a signal for a handler ends the wait.
func TestTakeSignal(t *testing.T) {
	c := newThread(t)
	SetMask(1<<(unix.SIGUSR1-1) | 1<<(40-1))
	pid, tid := os.Getpid(), unix.Gettid()
	const set = 1<<(unix.SIGUSR1-1) | 1<<(40-1)
	unix.Tgkill(pid, tid, 40)
	unix.Tgkill(pid, tid, 40)
	unix.Tgkill(pid, tid, unix.SIGUSR1)
	var info SigInfo
	for _, want := range []int64{int64(unix.SIGUSR1), 40, 40, -int64(unix.EAGAIN)} {
		if r := c.TakeSignal(set, &info, &unix.Timespec{}, true); r != want || r > 0 && info[0] != byte(r) {
			t.Errorf("%d, signal %d, want %d", r, info[0], want)
		}
	}
	go func() {
		time.Sleep(5 * time.Millisecond)
		unix.Tgkill(pid, tid, unix.SIGUSR2)
	}()
	if r := c.TakeSignal(set, &info, nil, false); r != -int64(unix.EINTR) || c.Pending == 0 {
		t.Errorf("interrupted: %d, pending %d", r, c.Pending)
	}
	if r := c.TakeSignal(set, &info, nil, false); r != -int64(unix.EINTR) {
		t.Errorf("with a signal pending: %d", r)
	}
}

// step runs one instruction and returns where it came to.
func step(t *testing.T, c *Context, at uint64) uint64 {
	t.Helper()
	c.Step(uintptr(at))
	if Kind(c.Exit) != ExitFault || c.Signo != uint64(unix.SIGTRAP) {
		t.Fatalf("step at %#x: exit %#x, signal %d", at, c.Exit, c.Signo)
	}
	return c.HostPC
}

// TestStep steps through instructions: each runs alone, the trap flag is not seen, and the exit reason is kept on the way out.
func TestStep(t *testing.T) {
	c := newThread(t)
	a := put(codeAt, 0x48, 0xff, 0xc0) // inc rax
	b := put(a, 0x9c)                  // pushf
	d := put(b, 0x66, 0x9c)            // pushf, 16 bits
	jump := leave(d, ExitLink, 99)
	c.Regs.GPR[guest.RAX] = 5
	if pc := step(t, c, codeAt); pc != a || c.Regs.GPR[guest.RAX] != 6 {
		t.Errorf("inc: at %#x, rax %d", pc, c.Regs.GPR[guest.RAX])
	}
	if pc := step(t, c, a); pc != b {
		t.Errorf("pushf: at %#x", pc)
	}
	if f := *(*uint64)(guest.Pointer(stackAt + 0x1000 - 8)); f&0x100 != 0 || f&2 == 0 {
		t.Errorf("pushf: flags %#x on the stack", f)
	}
	if pc := step(t, c, b); pc != d {
		t.Errorf("pushf: at %#x", pc)
	}
	if f := *(*uint16)(guest.Pointer(stackAt + 0x1000 - 10)); f&0x100 != 0 || f&2 == 0 {
		t.Errorf("pushf: flags %#x on the stack", f)
	}
	if pc := step(t, c, d); pc != jump {
		t.Errorf("store: at %#x, want %#x", pc, jump)
	}
	c.Step(uintptr(jump))
	if Kind(c.Exit) != ExitLink || Arg(c.Exit) != 99 || c.Regs.RFlags&0x100 != 0 {
		t.Errorf("on the way out: exit %#x, flags %#x", c.Exit, c.Regs.RFlags)
	}
}

// A stack, its shadow and its return plane are used together by every call and return: in the low 12 bits, in which accesses are
// compared first, they must lie apart, by more than a small frame.
func TestPlanesApart(t *testing.T) {
	if guest.ReturnPlane%1024 < 256 {
		t.Errorf("the return plane's displacement looks like %#x", guest.ReturnPlane%1024)
	}
	for n := range 3 {
		c, err := New()
		if err != nil {
			t.Fatal(err)
		}
		defer Free(c)
		const page, room = guest.PageSize, 1024
		planes := map[string]uint64{"stack": 0, "shadow": guest.ShadowDistance, "plane": uint64(c.Addr()) + guest.ReturnPlane}
		for a, x := range planes {
			for b, y := range planes {
				if a == b {
					continue
				}
				if d := (x - y) % page; d < room {
					t.Errorf("thread %d: %s lies %d bytes above the %s, modulo the page size, want at least %d", n, a, d, b, room)
				}
				// Lines of the upper 16 KB of a stack, of which two planes use the same one of the first-level cache.
				const top, reach, line = 0x1ffefff000, 16 << 10, 64
				lines := map[uint64]bool{}
				for at := uint64(top - reach); at < top; at += line {
					lines[cachePlace(at+x)] = true
				}
				for at := uint64(top - reach); at < top; at += line {
					if lines[cachePlace(at+y)] {
						t.Fatalf("thread %d: the %s's line for %#x excludes one of the %s's", n, b, at, a)
					}
				}
			}
		}
	}
}

// cachePlace is what the first-level data cache of AMD's processors since Zen tells lines apart by at first: the set, bits 6 to 11 of an
// address, and a hash of bits 12 to 27 (Lipp et al., "Take A Way", 2020; seen on this kind of machine by loading two lines in turn).
func cachePlace(a uint64) uint64 {
	place := a >> 6 & 63
	for i, b := range [8]int{27, 26, 25, 20, 21, 22, 23, 24} {
		place |= (a>>(12+i) ^ a>>b) & 1 << (6 + i)
	}
	return place
}
