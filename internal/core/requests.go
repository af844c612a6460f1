package core

import (
	"sync"

	"gogrind/internal/core/aspace"
	"gogrind/internal/core/sched"
	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/report"
	"gogrind/internal/tool"
)

// requests does what client requests ask of the core.
type requests struct{ p *Process }

func (r requests) Memory() guest.Memory { return r.p.space }

func (r requests) DiscardTranslations(t tool.Thread, rg guest.Range) {
	self, _ := t.(*sched.Thread)
	r.p.sched.DropCode(self, rg)
}

func (r requests) CallGuest(t tool.Thread, fn guest.Addr, args []uint64) uint64 {
	return t.(*sched.Thread).CallGuest(fn, args)
}

func (r requests) CountErrors() uint64 { return r.p.report.Counts().Errors }

func (r requests) Monitor(t tool.Thread, cmd string) bool { return r.p.monitor(t, cmd) }

func (r requests) ChangeOption(t tool.Thread, option string) { r.p.changeOption(t, option) }

func (r requests) Print(t tool.Thread, text string, backtrace bool) {
	if r.p.xml != nil {
		var frames []report.Frame
		if backtrace {
			frames = r.p.report.Frames(r.p.callers(t))
		}
		r.p.xml.Message(t.ID(), text, frames)
		return
	}
	r.p.log.ClientText(text)
	if !backtrace {
		return
	}
	r.p.report.Message(0, "", r.p.callers(t))
}

func (r requests) DisableErrors(t tool.Thread, delta int) {
	s := &r.p.silenced
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.level == nil {
		s.level = map[int]int{}
	}
	s.level[t.ID()] += delta
}

// silenced are the threads that want none of their errors reported (VALGRIND_DISABLE_ERROR_REPORTING).
type silenced struct {
	mu    sync.Mutex
	level map[int]int // by thread: how often switched off, less how often on
}

func (s *silenced) is(thread int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.level[thread] > 0
}

// threadEnded tells of a thread that ends without having its errors reported again, and takes back what it has of the heap.
func (p *Process) threadEnded(t tool.Thread) {
	if p.heap != nil {
		p.heap.ThreadEnded(t)
	}
	if !p.silenced.is(t.ID()) {
		return
	}
	p.log.Userf("WARNING: exiting thread has error reporting disabled.\n" +
		"WARNING: possibly as a result of some mistake in the use\n" +
		"WARNING: of the VALGRIND_DISABLE_ERROR_REPORTING macros.")
	p.silenced.mu.Lock()
	delete(p.silenced.level, t.ID())
	p.silenced.mu.Unlock()
}

func (r requests) Warn(lines ...string) {
	if r.p.opt.Verbosity < 2 {
		return
	}
	for _, l := range lines {
		r.p.log.Userf("%s", l)
	}
}

func (r requests) SourceLine(a guest.Addr) (file string, line int, ok bool) {
	fr := r.p.symbols.Frames(a, nil)
	if len(fr) == 0 || fr[0].File == "" {
		return "", 0, false
	}
	return fr[0].File, fr[0].Line, true
}

// arena gives the heap memory in guest space.
type arena struct{ *aspace.Space }

func (a arena) MapTool(n uint64) (guest.Addr, error) {
	r, err := a.Space.MapTool(n, aspace.High)
	return r.Start, err
}

// function returns the address of the first function with one of the given symbol names, 0 when there is none.
func (p *Process) function(name string) (fn guest.Addr) {
	for _, o := range p.symbols.Snapshot().Objects() {
		o.Symbols(func(s debuginfo.Symbol) bool {
			if s.Name == name && s.Type == debuginfo.Func {
				fn = s.Addr
			}
			return fn == 0
		})
		if fn != 0 {
			break
		}
	}
	return fn
}

// setErrno stores n to the guest's errno, through the guest's own __errno_location.
func (p *Process) setErrno(t *sched.Thread, n int) {
	fn := p.function("__errno_location")
	if fn == 0 {
		return
	}
	a := t.CallGuest(fn, nil)
	t.Store([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}, guest.Addr(a))
}

// freeLibraries lets the C and C++ libraries free what they keep to the end, so that it is not taken for leaks
// (--run-cxx-freeres, --run-libc-freeres).
//
// Not in a forked process: its stdio buffers may hold a copy of what the parent is going to write, and __libc_freeres would
// write that, even in a child that leaves by _exit in order not to.
func (p *Process) freeLibraries(t *sched.Thread) {
	if p.child {
		return
	}
	call := func(name string, args ...uint64) bool {
		fn := p.function(name)
		if fn != 0 {
			t.CallSilent(fn, args)
		}
		return fn != 0
	}
	if p.opt.RunCxxFreeres {
		call("_ZN9__gnu_cxx9__freeresEv")
	}
	if p.opt.RunLibcFreeres && !call("__libc_freeres") && p.image.Interp == "" {
		// A static program has no such function, but the one by which it frees the stacks of threads that have ended: its argument is
		// how many bytes of them are kept.
		call("__nptl_free_stacks", 0)
	}
}
