package jit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// Where the tests put guest memory. Code is in three places: below 2 GB, above it but in reach of rip-relative operands, and out
// of reach, where operands need scratch registers. Each has a data window of one page, with an inaccessible page before it and
// a read-only page behind it.
const (
	codeLow, dataLow = 0x20000000, 0x30000000
	codeMid, dataMid = 0x90000000, 0x90100000
	codeFar, dataFar = 0x100000000000, 0x100010000000

	codeSize  = 0x10000
	winSize   = 0x1000
	stackBase = 0x38000000 // farther from the windows than a frame may be big
	stackSize = 0x1000

	counterAddr = 0x39000000 // the counter of OpCount

	fsArea     = 0x6000 // offset in the native context of memory for accesses by fs: and a displacement alone
	fsAreaSize = 0x1000

	testCache = 64 << 20 // code cache of one translator
	maxModes  = 6
)

var (
	codeAt = [3]uint64{codeLow, codeMid, codeFar}
	dataAt = [3]uint64{dataLow, dataMid, dataFar}
)

// machine runs guest code natively and translated on one locked OS thread.
//
// Natively means: the guest's bytes at the guest's address, entered and left as translated code is, so that translation is the
// only difference. The handler of vcpu is told that everything but this program's text is code cache. The native context is
// at the guest's FS base, so that fs: accesses reach the same bytes in both runs; it is another context than the one
// translated code runs on, so that a forgotten fs: access of the guest shows.
type machine struct {
	a, b *vcpu.Context // native, translated
	view [3][]byte     // code as the translator sees it
	exit uint64        // address of vcpu's exit stub

	last    *mode           // whose code the return plane refers to
	planes  []uint64        // pages of the return plane that are mapped
	shadow  map[uint64]bool // pages of shadow mapped at faults
	stepped guest.Addr      // instruction that is being stepped
}

var initOnce = sync.OnceValue(func() error {
	type area struct {
		at   uint64
		n    uintptr
		prot int
	}
	const rw, rwx = unix.PROT_READ | unix.PROT_WRITE, unix.PROT_READ | unix.PROT_WRITE | unix.PROT_EXEC
	areas := []area{
		{uint64(guest.CodeCache), maxModes * testCache, rwx},
		{stackBase - 0x1000, stackSize + 0x2000, unix.PROT_NONE},
		{stackBase, stackSize, rw},
		{counterAddr, 0x1000, rw},
		{shadowOf(stackBase-0x2000) &^ 0xfff, stackSize + 0x6000, rw},
	}
	for i := range codeAt {
		areas = append(areas,
			area{codeAt[i], codeSize, rwx},
			area{codeAt[i] + codeSize, 0x1000, unix.PROT_NONE},
			area{dataAt[i] - 0x1000, 0x4000, unix.PROT_NONE},
			area{dataAt[i], winSize, rw},
			area{dataAt[i] + winSize, 0x1000, unix.PROT_READ},
			area{shadowOf(dataAt[i]-0x2000) &^ 0xfff, winSize + 0x6000, rw})
	}
	for i, r := range areas {
		if err := mapAt(r.at, r.n, r.prot); err != nil {
			return fmt.Errorf("area %d at %#x: %w", i, r.at, err)
		}
	}
	// vcpu wants Go's network poller started, which the first pipe does.
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	r.Close()
	w.Close()
	return vcpu.Init(vcpu.Config{Cache: guest.Range{Start: 0x10000000, End: guest.MaxAddr}})
})

func mapAt(a uint64, n uintptr, prot int) error {
	flags := unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE | unix.MAP_FIXED
	_, _, e := unix.RawSyscall6(unix.SYS_MMAP, uintptr(a), n, uintptr(prot), uintptr(flags), ^uintptr(0), 0)
	if e != 0 {
		return e
	}
	return nil
}

func shadowOf(a uint64) uint64 { return a + guest.ShadowDistance }

// bytesAt and xsave are not inlined: the compiler (Go 1.26) fails on a copy of constant length whose destination was made of an
// integer.
//
//go:noinline
func bytesAt(a uint64, n int) []byte { return guest.Bytes(guest.Addr(a), n) }

//go:noinline
func xsave(c *vcpu.Context) []byte { return c.XSave() }

// newMachine makes a machine that is the calling goroutine's until the test ends.
func newMachine(t testing.TB) *machine {
	t.Helper()
	if err := initOnce(); err != nil {
		t.Fatal(err)
	}
	m := &machine{exit: uint64(vcpu.ExitStub()), shadow: make(map[uint64]bool)}
	runtime.LockOSThread()
	panics := debug.SetPanicOnFault(true) // as guest threads have it: the translator reads guest memory
	for _, p := range []**vcpu.Context{&m.a, &m.b} {
		c, err := vcpu.New()
		if err != nil {
			t.Fatal(err)
		}
		*p = c
	}
	t.Cleanup(func() {
		for _, p := range m.planes {
			unix.RawSyscall(unix.SYS_MUNMAP, uintptr(p), 0x1000, 0)
		}
		vcpu.Free(m.a)
		vcpu.Free(m.b)
		debug.SetPanicOnFault(panics)
		runtime.UnlockOSThread()
	})
	for i := range m.view {
		m.view[i] = make([]byte, codeSize)
	}
	return m
}

// fetch is Config.Fetch.
func (m *machine) fetch(pc guest.Addr) []byte {
	for i, base := range codeAt {
		if uint64(pc)-base < codeSize {
			return m.view[i][uint64(pc)-base:]
		}
	}
	return nil
}

// mode is a translator and the way it is set up.
type mode struct {
	*Translator
	name    string
	shadow  bool
	refused int // translations of instructions that the translator refuses, by its warning
}

// newMode makes translator number i.
func (m *machine) newMode(t testing.TB, i int, name string, shadow bool, annotate tool.Tool) *mode {
	t.Helper()
	return m.newCachedMode(t, i, name, shadow, annotate, tool.Caches{}, false)
}

// newCachedMode is newMode with models of caches; scalar is Config.Scalar.
func (m *machine) newCachedMode(t testing.TB, i int, name string, shadow bool, annotate tool.Tool, caches tool.Caches, scalar bool) *mode {
	t.Helper()
	md := &mode{name: name, shadow: shadow}
	start := guest.CodeCache + guest.Addr(i*testCache)
	clear(guest.Bytes(start, codeOff)) // a new translator wants zeros
	tr, err := New(Config{
		Cache:  guest.Range{Start: start, End: start + testCache},
		Fetch:  m.fetch,
		Tool:   annotate,
		Shadow: shadow,
		Caches: caches,
		Scalar: scalar,
		Warn:   func(string, ...any) { md.refused++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	tr.keepFlags = true // as random code may read them anywhere, and its calls are not to empty the cache
	md.Translator = tr
	return md
}

// Ends of guest code. A terminator is a place where a run ends: a syscall instruction to the translator, and natively a jump
// to the exit stub. Each has an index.
const terminatorLen = 26

func (m *machine) terminator(loc, off, index int) {
	copy(m.view[loc][off:], []byte{0x0f, 0x05})
	p := bytesAt(codeAt[loc]+uint64(off), terminatorLen)
	b := append(p[:0], 0x64, 0xc7, 0x04, 0x25) // movl $exit, %fs:OffExit
	b = binary.LittleEndian.AppendUint32(b, uint32(vcpu.OffExit))
	b = binary.LittleEndian.AppendUint32(b, vcpu.Code(vcpu.ExitSyscall, index))
	b = append(b, 0xff, 0x25, 0, 0, 0, 0) // jmp *0(%rip)
	binary.LittleEndian.AppendUint64(b, m.exit)
}

// code puts guest code into both views.
func (m *machine) code(loc, off int, b []byte) {
	copy(m.view[loc][off:], b)
	copy(bytesAt(codeAt[loc]+uint64(off), len(b)), b)
}

// stop is how a run of guest code ended, beside the state that it left in the context.
type stop struct {
	rip  uint64 // at the terminator, or of the instruction that faulted
	sig  int    // 0 at a terminator
	code int32  // si_code
	addr uint64 // si_addr
	err  uint64 // page-fault error code
	trap uint64
}

func faultOf(c *vcpu.Context) stop {
	return stop{
		sig:  int(c.Signo),
		code: int32(binary.LittleEndian.Uint32(c.Info[8:])),
		addr: binary.LittleEndian.Uint64(c.Info[16:]),
		err:  c.Err,
		trap: c.TrapNo,
	}
}

// native runs the code at pc on context a, whose state the caller has set.
func (m *machine) native(pc uint64, gs uint64, terms []uint64) (stop, error) {
	c := m.a
	c.Attach(uintptr(gs))
	defer c.Detach()
	c.Pending = 0
	for host := uintptr(pc); ; {
		c.Run(host)
		switch vcpu.Kind(c.Exit) {
		case vcpu.ExitSyscall:
			return stop{rip: terms[vcpu.Arg(c.Exit)]}, nil
		case vcpu.ExitFault:
			s := faultOf(c)
			s.rip = c.HostPC
			return s, nil
		case vcpu.ExitInterrupt:
			host = uintptr(c.HostPC)
			c.Pending = 0
		case vcpu.ExitAborted:
			c.Pending = 0
		default:
			return stop{}, fmt.Errorf("native exit %#x", c.Exit)
		}
	}
}

// seen is what happened on the way of a translated run.
type seen struct {
	checks []int // accesses whose check left
	events []int // accesses whose address Go is asked for
	// checked is told of each of them, nil for none.
	checked func(Check)
	// refilled is called when the buffer of events is full.
	refilled func()
}

// translated runs the guest code at pc on context b, whose state the caller has set: what sched does, without its threads.
func (m *machine) translated(md *mode, pc uint64, gs uint64, ev *seen) (stop, error) {
	c := m.b
	if m.last != md {
		m.clearPlanes()
		m.last = md
	}
	c.Attach(uintptr(gs))
	defer c.Detach()
	c.Pending = 0
	host, err := md.Entry(guest.Addr(pc))
	if err != nil {
		return stop{}, err
	}
	for exits := 0; exits < 100000; exits++ {
		c.Run(host)
		switch vcpu.Kind(c.Exit) {
		case vcpu.ExitInterrupt:
			host = uintptr(c.HostPC)
			c.Pending = 0
		case vcpu.ExitAborted:
			c.Pending = 0
		default:
			var end stop
			if host, end, err = m.exited(md, ev); err != nil || host == 0 {
				return end, err
			}
		}
	}
	return stop{}, fmt.Errorf("no end: exit %#x, host %#x", c.Exit, c.HostPC)
}

// exited acts on an exit of context b other than an interruption: host is where to go on, 0 when the run has ended.
func (m *machine) exited(md *mode, ev *seen) (host uintptr, end stop, err error) {
	c := m.b
	arg := vcpu.Arg(c.Exit)
	switch vcpu.Kind(c.Exit) {
	case vcpu.ExitSyscall:
		return 0, stop{rip: uint64(md.Target(arg)) - 2}, nil
	case vcpu.ExitLink:
		host, err = md.Link(arg)
	case vcpu.ExitIndirect:
		if host, err = md.Indirect(guest.Addr(c.IBTarget)); err != nil {
			return 0, noCode(c.IBTarget), full(err)
		}
	case vcpu.ExitCheck:
		k := md.CheckAt(arg)
		if loc := md.Locate(k.Resume); !loc.Known || loc.PC != k.PC {
			return 0, stop{}, fmt.Errorf("check resumes at %#x, known %v, for %#x", uint64(loc.PC), loc.Known, uint64(k.PC))
		}
		ev.checks = append(ev.checks, k.Access)
		if ev.checked != nil {
			ev.checked(k)
		}
		if host = k.Resume; k.Relied {
			m.stepped = k.PC
			host, err = md.Step(k.PC)
		}
	case vcpu.ExitStep:
		var in amd64.Inst
		if err = amd64.Decode(bytesAt(uint64(m.stepped), 16), &in); err == nil {
			host, err = md.Entry(m.stepped + guest.Addr(in.Len))
		}
	case vcpu.ExitEvent:
		e := md.EventAt(arg)
		host = e.Resume
		ev.events = append(ev.events, e.Access)
	case vcpu.ExitFault:
		if m.b.CR2 >= eventEnd && m.b.CR2 < eventEnd+0x1000 && m.b.TrapNo == 14 {
			to, ok := md.Recover(uintptr(m.b.HostPC))
			if !ok {
				return 0, stop{}, fmt.Errorf("host %#x writes behind the event buffer", m.b.HostPC)
			}
			m.b.Events = eventBuffer
			ev.refilled()
			return to, stop{}, nil
		}
		return m.faulted(md)
	default:
		err = fmt.Errorf("exit %#x", c.Exit)
	}
	return host, stop{}, err
}

// faulted acts on a fault of context b, as exited.
func (m *machine) faulted(md *mode) (host uintptr, end stop, err error) {
	c := m.b
	s := faultOf(c)
	segv := s.sig == int(unix.SIGSEGV)
	if c.HostPC < guest.PageSize && segv {
		sp := c.Regs.GPR[guest.RSP] - 8
		binary.LittleEndian.PutUint64(bytesAt(m.plane(sp), 8), md.MissReturn())
		target := binary.LittleEndian.Uint64(bytesAt(sp, 8))
		if host, err = md.Indirect(guest.Addr(target)); err != nil {
			return 0, noCode(target), full(err)
		}
		return host, stop{}, nil
	}
	host = uintptr(c.HostPC)
	if segv && s.trap == 14 && s.addr >= uint64(guest.Contexts) {
		if md.shadow && s.addr-uint64(guest.ShadowBase) < uint64(guest.MaxAddr) {
			m.noAccess(s.addr)
			return host, stop{}, nil
		}
		if a := s.addr - m.plane(0); a < uint64(guest.MaxAddr) {
			if stackLike(a) {
				return host, stop{}, m.mapPlane(s.addr)
			}
			if m.transfers(md, host) {
				s.addr = a
			}
		}
	}
	if to, ok := md.Recover(host); ok {
		return to, stop{}, nil
	}
	loc := md.Locate(host)
	if !loc.Known {
		return 0, s, fmt.Errorf("fault %s at host %#x is in no guest instruction", s, host)
	}
	loc.Unspill(c)
	s.rip = uint64(loc.PC)
	if s.addr == c.HostPC && !segv && s.sig != int(unix.SIGBUS) {
		s.addr = s.rip // what the kernel blames is the instruction
	}
	return 0, s, nil
}

// noCode is what the scheduler makes of a jump to where nothing is mapped.
func noCode(target uint64) stop {
	const mapErr, fetch, pageFault = 1, 0x14, 14
	return stop{rip: target, sig: int(unix.SIGSEGV), code: mapErr, addr: target, err: fetch, trap: pageFault}
}

// full keeps an error only if it is ErrFull: any other means that there is no code at an address, which is a result.
func full(err error) error {
	if errors.Is(err, ErrFull) {
		return err
	}
	return nil
}

// transfers reports whether the guest instruction that host address h belongs to is a call or return, which use the return plane.
func (m *machine) transfers(md *mode, h uintptr) bool {
	loc := md.Locate(h)
	var in amd64.Inst
	return loc.Known && amd64.Decode(m.fetch(loc.PC), &in) == nil && (in.Row.Cf == amd64.CfCall || in.Row.Cf == amd64.CfRet)
}

// stackLike reports whether the tests have readable memory at a.
func stackLike(a uint64) bool {
	if a-stackBase < stackSize {
		return true
	}
	for i := range dataAt {
		if a-dataAt[i] < winSize+0x1000 || a-codeAt[i] < codeSize {
			return true
		}
	}
	return false
}

func (m *machine) plane(a uint64) uint64 { return uint64(m.b.Addr()) + guest.ReturnPlane + a }

func (m *machine) mapPlane(a uint64) error {
	a &^= 0xfff
	m.planes = append(m.planes, a)
	return mapAt(a, 0x1000, unix.PROT_READ|unix.PROT_WRITE)
}

// clearPlanes forgets the host addresses of returns, for Flush.
func (m *machine) clearPlanes() {
	for _, p := range m.planes {
		clear(bytesAt(p, 0x1000))
	}
}

// noAccess maps shadow that says no access.
func (m *machine) noAccess(a uint64) {
	a &^= 0xfff
	if mapAt(a, 0x1000, unix.PROT_READ|unix.PROT_WRITE) != nil {
		panic("no memory for shadow")
	}
	fill(bytesAt(a, 0x1000), 0x80)
	m.shadow[a] = true
}

func fill(b []byte, x byte) {
	for i := range b {
		b[i] = x
	}
}
