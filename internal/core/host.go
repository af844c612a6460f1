package core

import (
	"fmt"
	"os"
	"strings"
	"sync"

	"gogrind/internal/core/aspace"
	"gogrind/internal/core/heap"
	"gogrind/internal/core/redir"
	"gogrind/internal/core/sched"
	"gogrind/internal/core/signal"
	"gogrind/internal/core/strmem"
	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/options"
	"gogrind/internal/report"
	"gogrind/internal/stack"
	"gogrind/internal/suppress"
	"gogrind/internal/tool"
	"gogrind/internal/unwind"
)

// Process is the tool.Host.
var _ tool.Host = (*Process)(nil)

func (p *Process) Memory() guest.Memory { return p.space }

func (p *Process) Unwind(t tool.Thread, pcs []guest.Addr) int {
	th := t.(*sched.Thread)
	n := p.unwinder(th).Unwind(t.Regs(), pcs)
	if n > 0 {
		pcs[0] += guest.Addr(th.ActsAs)
	}
	return n
}

// actAs implements heap.Config.ActAs.
func (p *Process) actAs(t tool.Thread, what int, f func()) {
	th := t.(*sched.Thread)
	th.ActsAs = what
	f()
	th.ActsAs = 0
}

// unwinder is the one that belongs to th, ready for use by it.
func (p *Process) unwinder(th *sched.Thread) *unwind.Unwinder {
	u, _ := th.Unwinder.(*unwind.Unwinder)
	if u == nil {
		u = unwind.New(p.unwind)
		th.Unwinder = u
	}
	u.Stack = th.Stack()
	return u
}

// FirstFD is the number from which on descriptors are the tool's.
func (p *Process) FirstFD() int { return p.firstFD }

func (p *Process) Threads(f func(tool.Thread) bool) { p.sched.Threads(f) }

// Break is the brk data segment.
func (p *Process) Break() guest.Range { return p.space.Break() }

// Sequence is the counter of %n in names of files. It is for threads that have stopped all others.
func (p *Process) Sequence() *int { return &p.sequence }

func (p *Process) StopOthers(t tool.Thread, f func()) {
	self, _ := t.(*sched.Thread)
	p.sched.StopOthers(self, f)
}

func (p *Process) Mappings(f func(tool.Mapping) bool) {
	p.space.Each(func(m aspace.Mapping) bool { return f(m.Contract()) })
}

func (p *Process) Heap() tool.Heap {
	if p.heap == nil {
		return nil
	}
	return p.heap
}

func (p *Process) Report() any  { return p.report }
func (p *Process) Symbols() any { return p.symbols }
func (p *Process) Options() any { return p.opt }

// Command is the program and its arguments.
func (p *Process) Command() []string { return p.cmd.Args }

// Stacks interns call stacks for the tool and the reports.
func (p *Process) Stacks() *stack.Interner { return p.stacks }

// interned gives the report the stacks.
type interned struct{ *stack.Interner }

func (s interned) Get(id uint32) (pcs []guest.Addr, era uint32) {
	return s.Interner.Get(stack.ID(id)), s.Era(stack.ID(id))
}

// symbolizer names code addresses for reports: replaced functions have the frames of their replacement.
type symbolizer struct{ p *Process }

func (s symbolizer) Frames(pc guest.Addr, era uint32, callSite bool, buf []report.Frame) []report.Frame {
	if !callSite {
		look := s.p.frames.Lookup
		if era != 0 {
			look = s.p.frames.LookupOld
		}
		if fr := look(pc); fr != nil {
			obj := fmt.Sprintf(heap.FrameObject, s.p.tool.Info().Name)
			for _, f := range fr {
				buf = append(buf, report.Frame{PC: pc, Fn: f.Func, RawFn: f.Raw, Obj: obj, File: heap.FrameFile, Line: f.Line})
			}
			return buf
		}
	} else {
		pc--
	}
	if f := s.p.strings.At(pc); f != nil {
		return append(buf, report.Frame{PC: pc, Fn: f.Symbol, RawFn: f.Symbol, Obj: fmt.Sprintf(heap.FrameObject, s.p.tool.Info().Name),
			File: strmem.FrameFile, Line: f.Line})
	}
	for _, f := range s.p.symbols.FramesAt(pc, era, nil) {
		if r, ok := redir.ParseName(f.RawFn); ok {
			f.Fn, f.RawFn = r.Func, r.Func // a replacement is shown by the name of what it replaces
		}
		buf = append(buf, report.Frame(f))
	}
	return buf
}

// objects follows mappings of ELF objects.
type objects struct{ p *Process }

func (o objects) Mapped(m tool.Mapping) {
	p := o.p
	p.trans.Discard(m.Range)
	if m.Path == "" || m.Path[0] != '/' {
		return
	}
	defer p.codeChanged(p.symbols.Snapshot())
	if obj := p.symbols.Map(m.Path, m.Start, m.Range.Len(), m.Offset, m.Prot&guest.Exec != 0); obj != nil {
		p.newObject(obj)
	}
}

func (o objects) Unmapped(r guest.Range) {
	p := o.p
	p.trans.Discard(r)
	defer p.codeChanged(p.symbols.Snapshot())
	gone, era := p.symbols.Unmap(r)
	for _, obj := range gone {
		p.stacks.Retire(obj.Text, era)
		p.redir.Forget(obj.Text, p.replacedAt)
		p.frames.Remove(obj.Text)
		p.unwind.Forget(obj)
	}
}

// codeChanged forgets what stacks look like if the objects are not those of old any more.
func (p *Process) codeChanged(old *debuginfo.Snapshot) {
	if p.symbols.Snapshot() != old {
		p.paths.Clear()
	}
}

func (o objects) Protected(r guest.Range, prot guest.Prot) {
	if m, ok := o.p.space.Find(r.Start); ok && m.Path != "" && prot&guest.Write != 0 && prot&guest.Exec != 0 {
		o.p.trans.Discard(guest.Range{End: guest.MaxAddr}) // code that counted as stable is going to change
	}
	if prot&guest.Exec == 0 {
		o.p.trans.Discard(r)
	}
}

func (o objects) Moved(from, to guest.Range) {
	o.p.trans.Discard(from)
	o.p.trans.Discard(to)
}

// CodeChanged implements aspace.CodeWatcher.
func (o objects) CodeChanged(r guest.Range) { o.p.trans.Discard(r) }

// newObject looks for functions to replace in obj.
func (p *Process) newObject(obj *debuginfo.Object) {
	if p.opt.Verbosity > 1 {
		p.log.Debugf("Reading syms from %s", obj.Path)
	}
	p.requireSymbols(obj)
	p.dumpObject(obj)
	p.callLibrary(obj)
	p.redir.Scan(obj, func(h redir.Hook) {
		if hk, ok := h.Spec.Do.(*heapHook); ok {
			p.frames.Add(h.Addr, hk.Hook)
			p.heapFound.Store(true)
		}
		p.replacedAt(h.Addr)
	})
	p.redir.Bring(obj, p.symbols.Snapshot().Objects(), wrapper, func(h redir.Hook) { p.replacedAt(h.Addr) })
}

// replacedAt is called when something else than before runs in place of the function at a.
func (p *Process) replacedAt(a guest.Addr) { p.trans.Discard(guest.Range{Start: a, End: a + 1}) }

// wrapper is the hook of a function that the guest's function at to wraps.
func wrapper(to guest.Addr) any {
	return sched.Hook(func(t *sched.Thread) (uint64, bool) {
		t.Wrapped = guest.Addr(t.Regs().RIP)
		t.Regs().RIP = uint64(to)
		return 0, false
	})
}

func (p *Process) hookAt(pc guest.Addr) (int, bool) { return p.redir.At(pc) }

// heapHook is a function of the replaced heap.
type heapHook struct {
	*heap.Hook
	run sched.Hook
}

// makeHeapHook makes what the scheduler runs for h.
func (p *Process) makeHeapHook(h *heap.Hook) *heapHook {
	args := sync.Pool{New: func() any { return new(heap.Args) }}
	return &heapHook{h, func(t *sched.Thread) (uint64, bool) {
		a := args.Get().(*heap.Args)
		res := p.traced(h, t, a)
		if len(a.Abort) > 0 {
			for _, l := range a.Abort {
				p.log.Clientf("%s", l)
			}
			p.report.Message(t.ID(), "", p.callers(t))
			p.sched.End(t, 1) // as Valgrind does
		}
		if a.Errno != 0 {
			p.setErrno(t, a.Errno)
		}
		*a = heap.Args{}
		args.Put(a)
		return res, true
	}}
}

// traced does h for t, with a line about it if --trace-malloc=yes asks for it.
func (p *Process) traced(h *heap.Hook, t *sched.Thread, a *heap.Args) uint64 {
	if !p.opt.TraceMalloc {
		return h.Do(t, a)
	}
	line, result := h.Trace(t)
	res := h.Do(t, a)
	if line != "" {
		p.log.Debugf("%s%s", line, result(res))
	}
	return res
}

// hook is what the scheduler runs for hook number n.
func (p *Process) hook(n int) sched.Hook {
	h := p.redir.Get(n)
	if h.Resolver {
		return func(*sched.Thread) (uint64, bool) { return uint64(h.Spec.To), true }
	}
	if hk, ok := h.Spec.Do.(*heapHook); ok {
		if !p.opt.TraceMalloc {
			p.heap.SetQuick(n, hk.Hook, uint64(h.Addr))
		}
		return hk.run
	}
	return h.Spec.Do.(sched.Hook)
}

// plainHook reports whether hook n is for a function without vector arguments.
func (p *Process) plainHook(n int) bool {
	_, ok := p.redir.Get(n).Spec.Do.(*heapHook)
	return ok
}

// callers is the stack of t as reports show it.
func (p *Process) callers(t tool.Thread) []guest.Addr {
	pcs := make([]guest.Addr, p.opt.NumCallers)
	return pcs[:p.Unwind(t, pcs)]
}

// check hands an access whose inline check failed to the tool.
func (p *Process) check(t *sched.Thread, pc guest.Addr, access int) (exact bool) {
	var buf [maxInst]byte
	d := p.decoded.get(pc, p.instruction(pc, &buf))
	if d == nil || access >= len(d.access) {
		return false
	}
	a := &d.access[access]
	if a.Size == 0 {
		// An area of XSAVE, where the dynamic linker keeps arguments while it looks a function up, undefined ones, too.
		addr, _ := effective(&d.inst, a, t.Regs())
		return p.tool.(tool.Leaver).Leave(t, a.Kind, addr, 0)
	}
	if elsewhere(&d.inst, a) {
		p.touched(t, pc, access, func(addr guest.Addr, size int) {
			exact = p.tool.(tool.Leaver).Leave(t, a.Kind, addr, size) || exact
		})
		return exact
	}
	addr, size := effective(&d.inst, a, t.Regs())
	if size == 0 {
		return false
	}
	if n := searched(&d.inst, t.Regs(), p.Memory()); n > 0 {
		if size *= n; t.Regs().RFlags&direction != 0 {
			addr -= guest.Addr(size - size/n)
		}
	}
	if m, ok := p.tool.(tool.MaskedLeaver); ok && a.Elem != 0 {
		return m.LeaveMasked(t, a.Kind, addr, size, pieces(&d.inst, a, t.Context(), addr, size))
	}
	return p.tool.(tool.Leaver).Leave(t, a.Kind, addr, size)
}

// fatal tells about a signal that ends the process.
func (p *Process) fatal(t *sched.Thread, info signal.Info, core bool) {
	if core {
		p.killedBy = &info
	}
	if p.xml != nil {
		p.fatalXML(t.ID(), info, p.callers(t))
		p.stackHint(t, info)
		return
	}
	if p.opt.Quiet() && !crash(info) {
		return
	}
	text := ""
	for i, l := range signal.FatalText(info, core) {
		if i > 0 {
			text += "\n"
		}
		text += l
	}
	if info.Signo() == int(signal.SIGSEGV) && crash(info) && p.StackOverflow(t, guest.Addr(info.Addr())) {
		text += "\n" + overflowText(guest.Addr(info.Addr()))
	}
	p.log.Userf("")
	p.report.Message(0, text, p.callers(t))
	p.stackHint(t, info)
}

// crash reports whether the kernel has sent a signal for what the program did: this is told of with -q, too.
func crash(info signal.Info) bool {
	switch info.Signo() {
	case signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP, signal.SIGSYS:
		return info.Code() > 0
	}
	return false
}

// stackHint says what may help if the main thread has run out of stack.
func (p *Process) stackHint(t *sched.Thread, info signal.Info) {
	if t.ID() != 1 {
		return
	}
	for _, l := range signal.StackHint(info, p.image.Stack.Len()) {
		p.log.Userf("%s", l)
	}
}

// finish lets the tool write its results.
func (p *Process) finish(t *sched.Thread, e tool.Exit) int {
	if t != nil && p.killedBy != nil && e.Signal != 0 {
		p.dumpCore(t, *p.killedBy)
	}
	if t != nil {
		p.threadEnded(t)
	}
	if !p.opt.Quiet() && !p.opt.XML {
		p.log.Userf("")
	}
	if e.Signal == 0 && p.heap != nil {
		p.freeLibraries(t)
	}
	if p.xml != nil {
		p.xml.Ended()
	}
	p.OpenFDs("at exit")
	var status int
	var replace bool
	largeFiles(func() { status, replace = p.tool.Finish(e) })
	if p.profile != nil {
		p.profile.finish()
	}
	if p.opt.Stats != "no" {
		s := p.trans.Stats()
		p.log.Debugf("jit: %d fragments, %d guest instructions, %d bytes guest, %d bytes host, %d flushes",
			s.Fragments, s.Insts, s.GuestBytes, s.HostBytes, s.Flushes)
		if s.Time > 0 {
			p.log.Debugf("jit: translation took %.1f ms of processor time, %.2f million guest instructions a second", 1e3*s.Time.Seconds(), float64(s.Insts)/1e6/s.Time.Seconds())
		}
		x := p.sched.ExactStats()
		if p.shadow {
			p.log.Debugf("exact: fast code left %d times, %d instructions stepped, dirty code entered %d times", x.Left, x.Steps, x.Dirty)
			if len(p.ran.fast.Values) > 0 {
				p.log.Debugf("exact: about %d instructions in fast code, %d in dirty code", p.ran.fast.Values[0], p.ran.dirty.Values[0])
			}
		}
		p.log.Debugf("exits: %v", &x.Exits)
	}
	if profiling != nil {
		profiling()
	}
	if replace {
		return status
	}
	return e.Status
}

// forked is called in a forked child.
func (p *Process) forked(t *sched.Thread) {
	p.child = true
	profiling = nil // the profile is the parent's
	name := p.childFile("log", p.opt.Log)
	if err := p.log.Forked(os.Getpid(), name, p.opt.ChildSilent); err == nil && name != "" && !p.opt.ChildSilent && p.xml == nil {
		p.log.Banner(p.banner(os.Getppid()))
	}
	if p.xml == nil {
		return
	}
	name = p.childFile("xml", p.opt.XMLSink)
	if err := p.xml.Forked(os.Getpid(), name, p.opt.ChildSilent); err == nil && name != "" && !p.opt.ChildSilent {
		p.beginXML()
	}
}

// childFile is the file that a forked child writes to in place of its parent's, "" if they share one.
func (p *Process) childFile(option string, s options.Sink) string {
	if s.Kind != options.ToFile || !strings.Contains(s.Name, "%p") {
		return ""
	}
	p.names.PID = os.Getpid()
	name, _ := p.names.Expand(option+"-file", s.Name)
	return name
}

func suppressTool(title string) (suppress.Tool, bool) {
	switch title {
	case "Memcheck":
		return suppress.Memcheck, true
	case "Helgrind":
		return suppress.Helgrind, true
	case "drd":
		return suppress.DRD, true
	}
	return suppress.Tool{}, false
}
