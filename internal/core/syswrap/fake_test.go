package syswrap

import (
	"encoding/binary"
	"fmt"
	"testing"

	"gogrind/internal/core/aspace"
	"gogrind/internal/core/signal"
	"gogrind/internal/guest"
	"gogrind/internal/linux"
	"gogrind/internal/tool"

	"golang.org/x/sys/unix"
)

// fakeThread is a guest thread without a guest: its calls go to the kernel, its memory is the test's own.
type fakeThread struct {
	regs guest.Regs
	// refuse makes Raw answer without asking the kernel.
	refuse bool
	answer int64
	during func() // what the kernel would do then
	calls  []uintptr
	mem    window
}

func (t *fakeThread) ID() int              { return 1 }
func (t *fakeThread) TID() int             { return unix.Gettid() }
func (t *fakeThread) Regs() *guest.Regs    { return &t.regs }
func (t *fakeThread) Stack() guest.Range   { return guest.Range{} }
func (t *fakeThread) Memory() guest.Memory { return t.mem }

func (t *fakeThread) Alone(uintptr, [6]uint64) int64 { return errno(unix.EINVAL) }
func (t *fakeThread) Raw(nr uintptr, a [6]uint64) int64 {
	t.calls = append(t.calls, nr)
	if t.refuse {
		if t.during != nil {
			t.during()
		}
		return t.answer
	}
	r, _, e := unix.Syscall6(nr, uintptr(a[0]), uintptr(a[1]), uintptr(a[2]), uintptr(a[3]), uintptr(a[4]), uintptr(a[5]))
	if e != 0 {
		return -int64(e)
	}
	return int64(r)
}

// window is the only memory that a fake guest has: its own, at the address it is mapped at.
type window struct {
	mem  []byte
	base uint64
}

// at is the memory from a on, at most n bytes.
func (w window) at(a guest.Addr, n int) []byte {
	off := uint64(a) - w.base
	if off >= uint64(len(w.mem)) {
		return nil
	}
	return w.mem[off:min(off+uint64(n), uint64(len(w.mem)))]
}

func (w window) ReadMem(p []byte, a guest.Addr) int  { return copy(p, w.at(a, len(p))) }
func (w window) WriteMem(p []byte, a guest.Addr) int { return copy(w.at(a, len(p)), p) }

// watched is one call of the recorder.
type watched struct {
	what  string // reg, read, string, write, wrote
	param string
	r     guest.Range
}

// recorder is a KernelWatcher that remembers.
type recorder struct{ list []watched }

func (w *recorder) BeforeRead(_ tool.Thread, _, param string, r guest.Range) {
	w.list = append(w.list, watched{"read", param, r})
}
func (w *recorder) BeforeReadString(_ tool.Thread, _, param string, a guest.Addr) {
	w.list = append(w.list, watched{"string", param, guest.Range{Start: a, End: a + 1}})
}
func (w *recorder) BeforeWrite(_ tool.Thread, _, param string, r guest.Range) {
	w.list = append(w.list, watched{"write", param, r})
}
func (w *recorder) AfterWrite(_ tool.Thread, r guest.Range) {
	w.list = append(w.list, watched{"wrote", "", r})
}
func (w *recorder) BeforeReg(_ tool.Thread, _, param string, arg, size int) {
	w.list = append(w.list, watched{"reg", param, guest.Range{Start: guest.Addr(arg), End: guest.Addr(arg + size)}})
}

// wrote reports whether byte a has been told as written.
func (w *recorder) wrote(a uint64) bool {
	for _, e := range w.list {
		if e.what == "wrote" && e.r.Contains(guest.Addr(a)) {
			return true
		}
	}
	return false
}

func (w *recorder) names(what ...string) []string {
	var names []string
	for _, e := range w.list {
		for _, k := range what {
			if e.what == k {
				names = append(names, e.param)
			}
		}
	}
	return names
}

// fakeSpace is an AddressSpace that maps nothing.
type fakeSpace struct{ log []string }

func (s *fakeSpace) note(format string, args ...any) error {
	s.log = append(s.log, fmt.Sprintf(format, args...))
	return nil
}
func (s *fakeSpace) Mmap(a guest.Addr, n uint64, prot, flags, fd int, off uint64) (guest.Addr, error) {
	return 0x7000, s.note("mmap %v %#x %d %#x %d %#x", a, n, prot, flags, fd, off)
}
func (s *fakeSpace) Munmap(a guest.Addr, n uint64) error {
	s.note("munmap %v %#x", a, n)
	return unix.EINVAL
}
func (s *fakeSpace) Mremap(a guest.Addr, n, m uint64, flags int, to guest.Addr) (guest.Addr, error) {
	return 0x8000, s.note("mremap %v %#x %#x %d %v", a, n, m, flags, to)
}
func (s *fakeSpace) Mprotect(a guest.Addr, n uint64, prot int) error {
	return s.note("mprotect %v %#x %d", a, n, prot)
}
func (s *fakeSpace) Brk(a guest.Addr) guest.Addr { s.note("brk %v", a); return 0x9000 }
func (s *fakeSpace) Madvise(a guest.Addr, n uint64, advice int) error {
	return s.note("madvise %v %#x %d", a, n, advice)
}
func (s *fakeSpace) RemapFilePages(a guest.Addr, size uint64, prot int, page uint64, flags int) error {
	return unix.EINVAL
}
func (s *fakeSpace) Msync(a guest.Addr, n uint64, flags int) error {
	return s.note("msync %v %#x %d", a, n, flags)
}
func (s *fakeSpace) Shmat(id int, a guest.Addr, flags int) (guest.Addr, error) {
	return 0xa000, s.note("shmat %d %v %d", id, a, flags)
}
func (s *fakeSpace) Shmdt(a guest.Addr) error              { return s.note("shmdt %v", a) }
func (s *fakeSpace) Covered(guest.Range) bool              { return false }
func (s *fakeSpace) BeforeKernelWrite(r guest.Range) error { return nil }
func (s *fakeSpace) ProcSmaps(kernel []byte) []byte        { return []byte("smaps\n") }
func (s *fakeSpace) ProcSmapsRollup(smaps, rollup []byte) []byte {
	return []byte("rollup\n")
}
func (s *fakeSpace) Usage(smaps []byte, code guest.Range) aspace.Usage {
	return aspace.Usage{Size: 40 << 20, Peak: 50 << 20, RSS: 8 << 20, PeakRSS: 9 << 20, Anon: 5 << 20, File: 3 << 20, Exec: 1 << 20, Data: 2 << 20, Stack: 1 << 20}
}
func (s *fakeSpace) SetLimits(space, data uint64) { s.note("limits %d %d", space, data) }
func (s *fakeSpace) ProcMaps() []byte {
	return []byte("00400000-00401000 r-xp 00000000 00:00 0 /guest\n")
}

// fakeSignals records.
type fakeSignals struct{ log []string }

func (s *fakeSignals) note(format string, args ...any) int64 {
	s.log = append(s.log, fmt.Sprintf(format, args...))
	return 0
}
func (s *fakeSignals) Sigaction(_ tool.Thread, sig int, act, old guest.Addr, size uint64) int64 {
	return s.note("sigaction %d %d", sig, size)
}
func (s *fakeSignals) Sigprocmask(_ tool.Thread, how int, set, old guest.Addr, size uint64) int64 {
	return s.note("sigprocmask %d %d", how, size)
}
func (s *fakeSignals) Sigaltstack(_ tool.Thread, ss, old guest.Addr) int64 {
	return s.note("sigaltstack")
}
func (s *fakeSignals) Sigpending(_ tool.Thread, set guest.Addr, size uint64) int64 {
	return s.note("sigpending %d", size)
}
func (s *fakeSignals) Sigsuspend(_ tool.Thread, set guest.Addr, size uint64) int64 {
	s.note("sigsuspend %d", size)
	return -int64(unix.EINTR)
}
func (s *fakeSignals) Sigtimedwait(_ tool.Thread, set, info, timeout guest.Addr, size uint64) int64 {
	return s.note("sigtimedwait %d", size)
}
func (s *fakeSignals) TempMask(_ tool.Thread, mask uint64) bool {
	s.note("tempmask %#x", mask)
	return true
}
func (s *fakeSignals) RestoreMask(tool.Thread) { s.note("restore") }

// rig is an engine with everything around it faked but the kernel.
type rig struct {
	*testing.T
	e     *Engine
	t     *fakeThread
	w     *recorder
	space *fakeSpace
	sig   *fakeSignals
	trace []string
	warn  []string
	mem   []byte // guest memory, readable and writable, zero
	base  uint64
	used  uint64
}

const rigMemory = 1 << 20

func newRig(t *testing.T, change ...func(*Config)) *rig {
	mem := mapGuest(t, rigMemory)
	r := &rig{T: t, t: &fakeThread{}, w: &recorder{}, space: &fakeSpace{}, sig: &fakeSignals{}, mem: mem, base: addressOf(mem)}
	cfg := Config{
		Space: r.space, Signals: r.sig, Watcher: r.w,
		Trace:       func(s string) { r.trace = append(r.trace, s) },
		Tracing:     func() bool { return true },
		Warn:        func(s string) { r.warn = append(r.warn, s) },
		FirstToolFD: 1000,
		NoFile:      unix.Rlimit{Cur: 512, Max: 900},
		Exe:         "/bin/true",
		Cmdline:     []byte("true\x00--help\x00"),
		Environ:     []byte("A=1\x00"),
		View: func(tid int) (signal.View, int, bool) {
			return signal.View{Pending: 1 << 9, Blocked: 1 << 9, Caught: 1}, 3, true
		},
		Auxv: make([]byte, 320),
	}
	for _, f := range change {
		f(&cfg)
	}
	r.t.mem = window{mem, r.base}
	r.e = New(cfg)
	return r
}

// room takes n bytes of guest memory filled with fill.
func (r *rig) room(n int, fill byte) uint64 {
	a := r.used
	r.used = (r.used + uint64(n) + 63) &^ 63
	if r.used > rigMemory {
		r.Fatal("test memory is used up")
	}
	for i := range n {
		r.mem[a+uint64(i)] = fill
	}
	return r.base + a
}

func (r *rig) bytes(a uint64, n int) []byte { return r.mem[a-r.base:][:n] }

func (r *rig) str(s string) uint64 {
	a := r.room(len(s)+1, 0)
	copy(r.bytes(a, len(s)), s)
	return a
}

func (r *rig) words(v ...uint64) uint64 {
	a := r.room(8*len(v), 0)
	for i, x := range v {
		binary.LittleEndian.PutUint64(r.bytes(a+8*uint64(i), 8), x)
	}
	return a
}

// outcome makes the call name.
func (r *rig) outcome(name string, args ...uint64) Outcome {
	r.Helper()
	nr, ok := linux.SyscallNumber(name)
	if !ok {
		r.Fatalf("no call %s", name)
	}
	return r.number(nr, args...)
}

func (r *rig) number(nr int, args ...uint64) Outcome {
	r.w.list, r.trace, r.t.calls = nil, nil, nil
	setCall(&r.t.regs, nr, args)
	return r.e.Do(r.t)
}

// do makes a call that must be done and returns its raw result.
func (r *rig) do(name string, args ...uint64) int64 {
	r.Helper()
	o := r.outcome(name, args...)
	if o.Kind != Done {
		r.Fatalf("%s: outcome %v", name, o.Kind)
	}
	return o.Result
}

// must is do for a call that succeeds.
func (r *rig) must(name string, args ...uint64) int64 {
	r.Helper()
	v := r.do(name, args...)
	if v < 0 && v > -4096 {
		r.Fatalf("%s%#x: %v", name, args, unix.Errno(-v))
	}
	return v
}

const none = ^uint64(0) // descriptor -1
