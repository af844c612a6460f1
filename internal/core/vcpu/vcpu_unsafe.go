package vcpu

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
	_ "unsafe" // linkname

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

//go:linkname entersyscall runtime.entersyscall
func entersyscall()

//go:linkname exitsyscall runtime.exitsyscall
func exitsyscall()

func attach(ctx, gs uintptr)
func detach()
func setGS(gs uintptr)
func current() uintptr
func enterAsm()
func stepAsm()
func sysBlock(nr, a1, a2, a3, a4, a5, a6 uintptr) (r int64, aborted uint64)
func addresses() (exit, handler, restorer, hook uintptr)
func segments() (base, word uintptr)
func xcr0() uint64

// Kick is the signal that gogrind keeps for itself: the last real-time signal but one, which no C library hands out first.
const Kick = 63

// Config is what Init needs to know.
type Config struct {
	Cache                      guest.Range // translated code
	CopyLo, CopyHi, CopyResume uintptr     // see aspace.CopyFault
	Profiling                  bool        // SIGPROF belongs to Go's profiler
	Poller                     []int       // epoll and eventfd of Go's network poller, which has been started; nil: they are looked for
}

type kernelAction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// Flags of rt_sigaction (asm/signal.h).
const (
	saSiginfo  = 0x4
	saRestorer = 0x04000000
	saOnStack  = 0x08000000
	saRestart  = 0x10000000
)

// Init installs our handler for every signal and fixes what it knows. Called once, by the main thread.
func Init(c Config) error {
	if err := checkCPU(); err != nil {
		return err
	}
	exitAddr, handlerAddr, restore, hookAddr = addresses()
	cacheLo, cacheHi = uintptr(c.Cache.Start), uintptr(c.Cache.End)
	copyLo, copyHi, copyResume = c.CopyLo, c.CopyHi, c.CopyResume
	pid = int32(os.Getpid())
	kick = Kick
	if c.Profiling {
		profiling = 1
	}
	var old kernelAction
	if err := sigaction(int(unix.SIGSEGV), nil, &old); err != nil {
		return err
	}
	goHandler = old.handler
	if err := initFork(c.Poller); err != nil {
		return err
	}
	for s := 1; s <= 64; s++ {
		if s == int(unix.SIGKILL) || s == int(unix.SIGSTOP) {
			continue
		}
		if err := Handle(s); err != nil {
			return err
		}
	}
	closeThreads(sigTable())
	return nil
}

// Handle makes our handler the kernel's action for signal s.
func Handle(s int) error {
	return HandleWith(s, 0)
}

// Ignore makes the kernel ignore signal s, so that system calls are not interrupted and exec inherits it.
func Ignore(s int) error { return sigaction(s, &kernelAction{handler: 1}, nil) }

// Default gives signal s its default action in the kernel, so that sending it to ourselves ends the process by it.
func Default(s int) error { return sigaction(s, &kernelAction{}, nil) }

func sigaction(s int, new, old *kernelAction) error {
	_, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(new)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
	if e != 0 {
		return fmt.Errorf("vcpu: rt_sigaction(%d): %w", s, e)
	}
	return nil
}

// SetMask sets the calling thread's kernel signal mask and returns the old one.
func SetMask(m uint64) (old uint64) {
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&m)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	return old
}

// Send sends thread tid of this process a signal with the information given (rt_tgsigqueueinfo).
func Send(tid int, info SigInfo) unix.Errno {
	_, _, e := unix.RawSyscall6(unix.SYS_RT_TGSIGQUEUEINFO, uintptr(unix.Getpid()), uintptr(tid), uintptr(*(*int32)(unsafe.Pointer(&info))), uintptr(unsafe.Pointer(&info)), 0, 0)
	return e
}

// Discard takes a pending signal s, which the calling thread blocks, from the kernel.
func Discard(s int) {
	set, now := uint64(1)<<(s-1), unix.Timespec{}
	unix.RawSyscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&set)), 0, uintptr(unsafe.Pointer(&now)), 8, 0, 0)
}

// ExitStub is the host address that generated code jumps to after storing Context.Exit.
func ExitStub() uintptr { return exitAddr }

// HookStub is the host address that generated code jumps to at the start of a replaced function with integer arguments, after
// storing Context.Exit; it is ExitStub if there is no function of SetQuick that could do it.
func HookStub() uintptr {
	if quickCode == 0 {
		return exitAddr
	}
	return hookAddr
}

// Quick runs hook number hook for the guest thread with the given number and registers, and reports whether it has: then its result
// is in rax. It runs on a thread that Go believes to be in a system call, on a small stack. So it, and all that it calls, must be
// nosplit, must not allocate, not store pointers and not panic. While *phase is not 0, a fault ends it, as if it had returned
// false: Context.Quick then has the phase.
type Quick func(state unsafe.Pointer, regs *guest.Regs, hook, thread uint64, phase *uint64) bool

// quickState is the state that quickCode is called with.
//
//lint:ignore U1000 assembly reads it
var quickState unsafe.Pointer

// SetQuick makes f, a function and not a closure, what HookStub calls with state. Called once, before translated code is made.
func SetQuick(f Quick, state unsafe.Pointer) {
	quickCode, quickState = **(**uintptr)(unsafe.Pointer(&f)), state
}

// arena hands out context memory at guest.Contexts.
var arena struct {
	sync.Mutex
	free []uintptr
	next uintptr
}

// slot is the distance of two contexts.
const slot = 0x8000

// The return plane is addressed from the context, so the place of contexts decides where the plane lies against the stack and its shadow,
// whose distance is guest.ShadowDistance; what must differ is said there. contextSkew is for the bits below 12: there is equal room
// between the three. It is a multiple of 64 for XSAVE. contextSpread is for those above.
const (
	contextSkew   = 0x340
	contextSpread = 1 << 23
)

// New returns a zeroed context with initial vector state. It may be called by any thread.
func New() (*Context, error) {
	arena.Lock()
	defer arena.Unlock()
	var base uintptr
	if n := len(arena.free); n > 0 {
		base, arena.free = arena.free[n-1], arena.free[:n-1]
	} else {
		if arena.next == 0 {
			arena.next = uintptr(guest.Contexts) + contextSpread
		}
		base = arena.next
		if base+2*slot > uintptr(guest.Contexts)+guest.ReturnPlane {
			return nil, errors.New("vcpu: too many threads")
		}
		arena.next += slot
	}
	flags := unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_FIXED
	if _, _, e := unix.RawSyscall6(unix.SYS_MMAP, base, slot, unix.PROT_READ|unix.PROT_WRITE, uintptr(flags), ^uintptr(0), 0); e != 0 {
		return nil, fmt.Errorf("vcpu: memory for a thread context: %w", e)
	}
	c := (*Context)(guest.Pointer(base + contextSkew))
	c.XMask = xcr0() & 0xe7 // x87, SSE, AVX, AVX-512
	c.Regs.RFlags = 0x202
	*(*uint32)(guest.Pointer(base + contextSkew + XSaveOffset + 24)) = 0x1f80 // MXCSR
	*(*uint16)(guest.Pointer(base + contextSkew + XSaveOffset)) = 0x37f       // FCW
	return c, nil
}

// Free gives a context's memory back. No thread may be attached to it.
func Free(c *Context) {
	base := c.Addr() - contextSkew
	arena.Lock()
	arena.free = append(arena.free, base)
	arena.Unlock()
}

// Addr is the address of c: the FS base of its thread.
func (c *Context) Addr() uintptr { return uintptr(unsafe.Pointer(c)) }

// XSave is the thread's XSAVE area in standard format; valid while the thread is outside guest code.
func (c *Context) XSave() []byte {
	c.NoVec = 0
	return unsafe.Slice((*byte)(guest.Pointer(c.Addr()+XSaveOffset)), XSaveMax)
}

// Attach makes the calling OS thread the one that c belongs to. The goroutine must be locked to its thread.
func (c *Context) Attach(gs uintptr) {
	c.TID = uint64(unix.Gettid())
	attach(c.Addr(), gs)
}

// Detach undoes Attach; the last act of a guest thread's goroutine.
func (c *Context) Detach() { detach() }

// Current reports whether the calling thread is the one that c belongs to.
func (c *Context) Current() bool { return current() == c.Addr() }

// SetGS changes the GS base of the calling guest thread.
func SetGS(gs uint64) { setGS(uintptr(gs)) }

// SetMain names the context that takes signals which land on threads without guest.
func (c *Context) SetMain() { atomic.StoreUintptr(&mainContext, c.Addr()) }

// Main reports whether SetMain was called for c last.
func (c *Context) Main() bool { return atomic.LoadUintptr(&mainContext) == c.Addr() }

// Run enters guest code at host address target and returns when it comes back; Exit says why. target may lie between the
// store to Exit and the jump to the exit stub, where a signal interrupted.
//
//go:nosplit
func (c *Context) Run(target uintptr) {
	c.Target, c.Exit = uint64(target), c.Left
	entersyscall()
	enterAsm()
	exitsyscall()
}

// Step runs one host instruction at target and comes back with ExitFault and SIGTRAP, or with what that instruction caused.
//
//go:nosplit
func (c *Context) Step(target uintptr) {
	c.Target, c.Exit = uint64(target), c.Left
	entersyscall()
	stepAsm()
	exitsyscall()
	if pushesFlags(target) && c.HostPC != uint64(target) {
		*(*byte)(guest.Pointer(uintptr(c.Regs.GPR[guest.RSP]) + 1)) &^= 1 // the trap flag is ours
	}
}

// pushesFlags reports whether the host instruction at pc is pushf.
//
//go:nosplit
func pushesFlags(pc uintptr) bool {
	for ; ; pc++ {
		switch b := *(*byte)(guest.Pointer(pc)); {
		case b == 0x9c:
			return true
		case b&0xf0 != 0x40 && b != 0x66 && b != 0x67 && b != 0xf2 && b != 0xf3: // REX and other prefixes without effect
			return false
		}
	}
}

// Syscall makes a system call that may block. If a signal is pending, or arrives before the call has begun, it is not
// made: aborted is true and r is -ERESTARTSYS. One that a signal has interrupted also has the result -ERESTARTSYS, if it is one
// that can be made again; else -EINTR.
//
//go:nosplit
func (c *Context) Syscall(nr uintptr, a *[6]uint64) (r int64, aborted bool) {
	entersyscall()
	res, ab := sysBlock(nr, uintptr(a[0]), uintptr(a[1]), uintptr(a[2]), uintptr(a[3]), uintptr(a[4]), uintptr(a[5]))
	exitsyscall()
	return res, ab != 0
}

// Exec makes system call nr, an exec, with mask as the signal mask, and returns only when it fails; then the mask is what it was. As in
// Syscall, a signal that arrives before the call has begun keeps it from being made: aborted is true. With traced the thread asks before
// to be traced by its parent. From then on each signal stops it for its tracer, which cannot let it go on as long as it waits in vfork; so
// Go must send none. It does not preempt a thread that is in a system call, and what it was about to send has come, and is taken off,
// before the thread is traced.
//
//go:nosplit
func (c *Context) Exec(traced bool, mask uint64, nr uintptr, a *[5]uintptr) (r int64, aborted bool) {
	var old uint64
	entersyscall()
	if traced {
		all, ours := ^uint64(0), uint64(1<<(unix.SIGURG-1)|1<<(Kick-1))
		wait := unix.Timespec{Nsec: 1e6}
		unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
		unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&wait)), 0, 0)
		for wait.Nsec = 0; ; {
			if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGTIMEDWAIT, uintptr(unsafe.Pointer(&ours)), 0, uintptr(unsafe.Pointer(&wait)), 8, 0, 0); errno != 0 {
				break
			}
		}
		unix.RawSyscall(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0)
		unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&old)), 0, 8, 0, 0)
	}
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&mask)), uintptr(unsafe.Pointer(&old)), 8, 0, 0)
	res, ab := sysBlock(nr, a[0], a[1], a[2], a[3], a[4], 0)
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&old)), 0, 8, 0, 0)
	exitsyscall()
	return res, ab != 0
}

// NextSignal takes the oldest queued signal off c's ring. One that another thread's handler is still writing is not there yet:
// a kick follows it. The signal number, in the first word, is written last.
func (c *Context) NextSignal(info *SigInfo) bool {
	if c.RingR == loadUint64(&c.RingW) {
		return false
	}
	slot := &c.Ring[c.RingR%ringSize]
	first := (*uint64)(unsafe.Pointer(slot))
	if atomic.LoadUint64(first) == 0 {
		return false
	}
	*info = *slot
	*first = 0
	c.RingR++
	return true
}

// Queued reports whether NextSignal has something, or would have after Unblock.
func (c *Context) Queued() bool { return c.RingR != loadUint64(&c.RingW) || c.Held != 0 }

// Hold blocks what can be held, as the handler does when it has taken a signal: until Unblock no other is taken from the kernel.
func (c *Context) Hold() {
	SetMask(holdable)
	c.Held = 1
}

// Unblock makes m the thread's kernel mask if signals are held, and reports whether it was so. Without such a call the thread stays
// deaf.
func (c *Context) Unblock(m uint64) bool {
	if c.Held == 0 {
		return false
	}
	c.Held = 0 // no handler of a holdable signal can run on this thread before SetMask
	SetMask(m)
	return true
}

//go:nosplit
func loadUint64(p *uint64) uint64 { return *(*uint64)(unsafe.Pointer(p)) }

// Features of the processor and the kernel that the design stands on.
func checkCPU() error {
	const hwcap2FSGSBase = 2 // AT_HWCAP2 bit 1, arch/x86/include/uapi/asm/hwcap2.h
	auxv, err := os.ReadFile("/proc/self/auxv")
	if err != nil {
		return fmt.Errorf("vcpu: %w", err)
	}
	for i := 0; i+16 <= len(auxv); i += 16 {
		if *(*uint64)(unsafe.Pointer(&auxv[i])) == 26 { // AT_HWCAP2
			if *(*uint64)(unsafe.Pointer(&auxv[i+8]))&hwcap2FSGSBase == 0 {
				return errors.New("this processor or kernel has no user-mode FSGSBASE instructions (needs Ivy Bridge or Zen and Linux 5.9)")
			}
		}
	}
	fs, g := segments()
	if fs == 0 || g == 0 {
		return errors.New("vcpu: Go's g is not where this Go version is known to keep it (-8(FS))")
	}
	return nil
}

// HandleWith is Handle with SA_NOCLDSTOP and SA_NOCLDWAIT as given. SA_RESTART makes the kernel tell calls that can be made
// again from those that end with EINTR in any case; which of the two the guest wants is decided in Go.
func HandleWith(s int, flags uint64) error {
	return sigaction(s, &kernelAction{handlerAddr, saSiginfo | saRestorer | saOnStack | saRestart | uintptr(flags), restore, ^uint64(0)}, nil)
}

// WaitSignal waits until a signal arrives, or the time is over if timed.
func (c *Context) WaitSignal(ts *unix.Timespec, timed bool) {
	a := [6]uint64{}
	if timed {
		a[2] = uint64(uintptr(unsafe.Pointer(ts)))
	}
	c.Syscall(unix.SYS_PPOLL, &a) // no descriptors: only time or a signal ends it
	runtime.KeepAlive(ts)
}

// TakeSignal is rt_sigtimedwait: it waits until the kernel has a signal of set for the thread, or until the time is over if timed.
// The result is the signal's number or a negative error number; a signal for a handler of ours gives -EINTR.
func (c *Context) TakeSignal(set uint64, info *SigInfo, ts *unix.Timespec, timed bool) int64 {
	a := [6]uint64{uint64(uintptr(unsafe.Pointer(&set))), uint64(uintptr(unsafe.Pointer(info))), 0, uint64(unsafe.Sizeof(set))}
	if timed {
		a[2] = uint64(uintptr(unsafe.Pointer(ts)))
	}
	r, aborted := c.Syscall(unix.SYS_RT_SIGTIMEDWAIT, &a)
	runtime.KeepAlive(&set)
	runtime.KeepAlive(info)
	runtime.KeepAlive(ts)
	if aborted || r == -512 {
		return -int64(unix.EINTR)
	}
	return r
}

// PendingSignals is the set of signals that the kernel holds back for the calling thread.
func PendingSignals() uint64 {
	var s uint64
	unix.RawSyscall(unix.SYS_RT_SIGPENDING, uintptr(unsafe.Pointer(&s)), 8, 0)
	return s
}
