package core

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/aspace"
	"gogrind/internal/core/heap"
	"gogrind/internal/core/jit"
	"gogrind/internal/core/loader"
	"gogrind/internal/core/redir"
	"gogrind/internal/core/request"
	"gogrind/internal/core/sched"
	"gogrind/internal/core/signal"
	"gogrind/internal/core/stage0"
	"gogrind/internal/core/strmem"
	"gogrind/internal/core/syswrap"
	"gogrind/internal/core/vcpu"
	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/options"
	"gogrind/internal/report"
	"gogrind/internal/stack"
	"gogrind/internal/suppress"
	"gogrind/internal/tool"
	"gogrind/internal/unwind"
)

// Process is one guest process and everything that serves it.
type Process struct {
	tool tool.Tool
	opt  *options.Core
	cmd  *options.Command

	log      *report.Log
	firstFD  int              // first of our descriptors
	names    options.Expander // of log files
	sequence int              // of %n in names of files
	killedBy *signal.Info     // the signal that ends the guest, if a core file is to be written
	report   *report.Reporter
	xml      *report.XML // nil without --xml=yes
	threads  threadNames
	stacks   *stack.Interner

	space        *aspace.Space
	image        *loader.Image
	symbols      *debuginfo.Space
	unwind       *unwind.Config
	redir        *redir.Table
	heapFound    atomic.Bool                         // a function of the heap was found and replaced
	ran          struct{ fast, dirty tool.Counters } // instructions in versions of code, for --stats=yes
	frames       heap.FrameTable
	strings      *strmem.Set     // nil without OverlapWatcher
	heap         *heap.Allocator // nil without HeapReplacer
	paths        *stack.Paths    // stacks that are known; cleared whenever code comes or goes
	trans        *jit.Translator
	sched        *sched.Scheduler
	request      request.Dispatcher
	silenced     silenced
	clientStacks clientStacks
	decoded      decodedCache
	fds          *descriptors // nil without --track-fds
	profile      *profile     // nil without --profile-flags
	fragments    fragments

	countersMu sync.Mutex
	counters   int // how many have been given out; countersMu

	shadow bool // the tool has shadow memory: it wants to be called where checks fail
	child  bool // forked by the guest
	first  int  // id of the process that the user started
}

// shadowed reports whether tl works with shadow memory.
func shadowed(tl tool.Tool) bool {
	_, ok := tl.(tool.Leaver)
	return ok
}

func newProcess(tl tool.Tool, opt *options.Core, cmd *options.Command, limits memoryLimits, hidden ownFDs) (_ *Process, err error) {
	p := &Process{tool: tl, opt: opt, cmd: cmd, shadow: shadowed(tl), stacks: stack.NewInterner(), paths: stack.NewPaths(), first: firstProcess()}
	first := hidden.first
	p.firstFD = first
	argv := inheritedArgs(cmd.Args)
	path, err := loader.Lookup(cmd.Args[0], os.Environ())
	if err != nil {
		return nil, err
	}
	loading := loader.Options{MainStackSize: uint64(opt.MainStacksize), ShellFallback: true}
	if err := loader.Check(path, argv, loading); err != nil {
		return nil, err
	}
	if err := p.openLog(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.cutXML()
		}
	}()
	if opt.WaitForGDB {
		p.waitForDebugger()
	}
	p.symbols = debuginfo.NewSpace(debuginfo.Options{
		Open:           debuginfo.OpenAbove(first),
		ExtraDebugPath: opt.ExtraDebuginfoPath, AllowMismatched: opt.AllowMismatched, NoInline: !opt.ReadInlineInfo, Keep: opt.KeepDebuginfo, NoDemangle: !opt.Demangle,
		Warn: func(msg string) {
			if opt.Verbosity > 1 {
				p.log.Debugf("%s", msg)
			}
		},
		Damaged: func(path, msg string) {
			if !opt.Quiet() {
				p.log.Debugf("WARNING: Serious error when reading debug info\nWhen reading debug info from %s:\n%s", path, msg)
			}
		},
	})
	layout, err := layout()
	if err != nil {
		return nil, err
	}
	layout.Above(guest.Addr(opt.AspaceMinaddr))
	p.debug(1, "aspacem", "guest %v, files and code from %v, the break at %v, stack to %v", layout.Space, layout.Low[0].Start, layout.Brk.Start, layout.Stack.End)
	p.space = aspace.New(layout)
	p.unwind = &unwind.Config{Space: p.symbols, Mem: p.space, Code: p.executable, Merge: opt.MergeRecursiveFrames, Warn: func(msg string) {
		if !opt.Quiet() {
			p.log.Debugf("WARNING: stack traces may be short, frame information is damaged: %s", msg)
		}
	}}
	if err := p.openReport(); err != nil {
		return nil, err
	}
	if err := p.makeHeap(); err != nil {
		return nil, err
	}
	if err := p.makeTranslator(hidden); err != nil {
		return nil, err
	}
	if w, ok := tl.(tool.MemoryWatcher); ok {
		p.space.Watch(w)
	}
	p.space.Watch(objects{p})
	if p.opt.SanityLevel >= expensiveSanity && p.space.Config().Reserved {
		p.space.Watch(sanity{p})
	}
	p.image, err = loader.Load(p.space, path, argv, os.Environ(), loading)
	if err != nil {
		return nil, err
	}
	p.debug(1, "main", "%s is at %v, begins at %v, stack %v, dynamic linker at %v", p.image.Path, p.image.Image, p.image.Entry, p.image.Stack, p.image.InterpBase)
	// The name that execve would have given the thread; the kernel cuts it. Without /proc it stays the tool's.
	os.WriteFile("/proc/self/comm", []byte(filepath.Base(path)), 0)
	p.makeScheduler(first, limits)
	if err := tl.Start(p); err != nil {
		return nil, err
	}
	p.enableQuick()
	p.debug(1, "main", "%s begins", p.tool.Info().Name)
	if p.opt.Progress > 0 {
		go p.progress(time.Duration(p.opt.Progress) * time.Second)
	}
	if p.profile != nil && p.opt.ProfileInterval > 0 {
		go p.profile.watch(p.opt.ProfileInterval)
	}
	return p, nil
}

// openLog opens the log and writes its head.
func (p *Process) openLog() error {
	t, err := p.target("log", p.opt.Log)
	if err != nil {
		return err
	}
	parent := 0
	if p.opt.Log.Kind == options.ToFile {
		parent = os.Getppid()
	}
	log, err := report.OpenLog(t, os.Getpid(), p.opt.TimeStamp)
	if err != nil {
		return err
	}
	p.log = log
	if p.opt.XML {
		if err := p.openXML(); err != nil {
			return err
		}
	}
	for _, n := range p.cmd.Notes {
		log.Userf("%s", n)
	}
	if !p.opt.Quiet() && !p.opt.XML {
		log.Banner(p.banner(parent))
	}
	if p.opt.Verbosity > 1 && !p.opt.XML {
		p.verboseHead()
	}
	return nil
}

// layout is the guest's address space. An executable that is not linked at guest.ToolBase takes its place out of the low range.
func layout() (aspace.Config, error) {
	cfg := aspace.Default(true)
	if low, _, _ := stage0.Reserved(); low {
		return cfg, nil
	}
	lo, hi, err := stage0.Image()
	if err != nil {
		return cfg, err
	}
	const gap = 32 << 20 // the kernel puts the executable's break up to here behind it (arch_randomize_brk)
	hi = uint64(guest.Addr(hi).PageUp()) + gap
	for _, r := range [][2]uint64{{uint64(guest.MinAddr), lo}, {hi, uint64(guest.ToolBase)}} {
		if err := stage0.ReserveLow(r[0], r[1]); err != nil {
			return cfg, err
		}
	}
	cfg.Low[0].Start = max(cfg.Low[0].Start, guest.Addr(hi))
	cfg.Low32.Start = cfg.Low[0].Start
	cfg.Tool = append([]guest.Range{{Start: guest.Addr(lo), End: guest.Addr(hi)}}, cfg.Tool...)
	return cfg, nil
}

// cutXML ends an XML report before the process ends early, which its readers must not notice.
func (p *Process) cutXML() {
	if p.xml != nil {
		p.xml.Cut()
	}
}

func (p *Process) banner(parent int) *report.Banner {
	return &report.Banner{Title: p.tool.Info().Title, Version: "gogrind-" + options.Version, Command: p.cmd.Args, Parent: parent}
}

func (p *Process) openReport() error {
	title, _, _ := strings.Cut(p.tool.Info().Title, ",")
	var set *suppress.Set
	if st, ok := suppressTool(title); ok {
		set = suppress.NewSet(st)
		reading := func(name string) {
			if p.opt.Verbosity > 1 && !p.opt.XML {
				p.log.Debugf("Reading suppressions file: %s", name)
			}
		}
		for _, name := range p.opt.Suppressions {
			reading(name)
			if err := set.AddFile(name); err != nil {
				p.log.Userf("%v", err)
				return errReported
			}
		}
		if p.opt.DefaultSupp {
			reading(suppress.Defaults)
			if err := set.AddDefaults(); err != nil {
				return err
			}
		}
	}
	var sink report.Sink
	if p.xml != nil {
		sink = p.xml
	}
	p.report = report.New(p.log, report.Config{
		Sink:    sink,
		Symbols: symbolizer{p}, Stacks: interned{p.stacks}, Suppressions: set, SuppTool: title,
		View: report.View{NumCallers: p.opt.NumCallers, ShowBelowMain: p.opt.ShowBelowMain, Mangled: !p.opt.Demangle,
			Fullpath: p.opt.FullpathAfter, Offsets: p.opt.SymOffsets},
		Verbosity: p.opt.Verbosity, ErrorLimit: p.opt.ErrorLimit, ShowList: p.opt.ShowList(), GenSuppressions: p.opt.GenSuppressions,
		InputFD: p.opt.InputFD, Markers: p.opt.Markers, MarkBegin: p.opt.MarkBegin, MarkEnd: p.opt.MarkEnd,
		ExitOnFirst: p.opt.ExitOnFirstError,
		ThreadName:  p.threads.name,
		Disabled:    p.silenced.is,
		DumpError:   int(p.opt.DumpError), Dump: p.dumpError,
		Exit: func() { os.Exit(p.opt.ErrorExitcode) },
	})
	return nil
}

func (p *Process) makeHeap() error {
	var specs []redir.Spec
	if r, ok := p.tool.(tool.HeapReplacer); ok {
		layout := r.HeapConfig()
		if p.opt.Alignment > layout.Alignment {
			layout.Alignment = p.opt.Alignment
		}
		layout.ReallocKeeps = !p.opt.ReallocZeroFrees
		if p.opt.RedzoneSize >= 0 {
			layout.RedZone = uint64(p.opt.RedzoneSize)
		}
		var err error
		if p.heap, err = heap.New(heap.Config{Layout: layout, Arena: arena{p.space}, Memory: p.space, Tool: r, Paths: p.paths, Watch: p.watch, Learn: p.learn, ActAs: p.actAs}); err != nil {
			return err
		}
		hooks := p.heap.Hooks(somalloc(p.opt.SonameSynonyms))
		if layout.Off {
			hooks = nil
		}
		for i := range hooks {
			h := &hooks[i]
			specs = append(specs, redir.Spec{Symbol: h.Symbol, Matches: h.Matches, Do: p.makeHeapHook(h)})
		}
	}
	if w, ok := p.tool.(tool.OverlapWatcher); ok {
		if err := p.makeStrings(w.WantsCopied()); err != nil {
			return err
		}
		for i := range p.strings.Functions {
			f := &p.strings.Functions[i]
			specs = append(specs, redir.Spec{
				Symbol: f.Symbol, To: f.Start,
				Matches:  func(soname string) bool { return p.replaces(f, soname, false) },
				Indirect: func(soname string) bool { return p.replaces(f, soname, true) },
			})
		}
	}
	p.redir = redir.New(specs, p.redirTrace())
	p.redir.Add(sched.CallReturn, &redir.Spec{Symbol: "(return)", Do: sched.Hook(sched.Returned)})
	return p.makeVsyscalls()
}

func somalloc(synonyms []string) string {
	for _, s := range synonyms {
		for _, part := range strings.Split(s, ",") {
			if v, ok := strings.CutPrefix(part, "somalloc="); ok {
				return v
			}
		}
	}
	return ""
}

func (p *Process) makeTranslator(hidden ownFDs) error {
	cache := guest.Range{Start: guest.CodeCache, End: guest.CodeCacheEnd}
	flags := uintptr(unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE | unix.MAP_FIXED)
	if _, _, e := unix.RawSyscall6(unix.SYS_MMAP, uintptr(cache.Start), uintptr(cache.Len()), unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, flags, ^uintptr(0), 0); e != 0 {
		return fmt.Errorf("memory for translated code (writable and executable): %w", e)
	}
	lo, hi, resume := aspace.CopyFault()
	if err := vcpu.Init(vcpu.Config{Cache: cache, CopyLo: lo, CopyHi: hi, CopyResume: resume, Profiling: profiling != nil, Poller: hidden.poller}); err != nil {
		return err
	}
	p.setQuick()
	cfg := jit.Config{
		Cache: cache, Limit: cacheLimit(p.opt.TranstabSectors), Fetch: p.fetch, Shadow: p.shadow, Hook: p.hookAt, Plain: p.plainHook, Redirect: p.redir.To,
		Translated: p.translated, Verify: p.verify, Stable: p.stable, Timed: p.opt.Stats != "no", StackSwitch: stackSwitch(p.opt.MaxStackframe),
		Warn: func(format string, args ...any) { p.log.Userf("Warning: "+format, args...) },
	}
	if e, ok := p.tool.(tool.Exact); ok {
		cfg.Steps, cfg.Moves, cfg.Tags, cfg.KeepAll = true, true, e.Tags(), exactMode("keep")
	}
	if p.strings != nil {
		cfg.Trusted = p.strings.Range
	}
	if p.tool.Info().Name != "nulgrind" {
		cfg.Tool = p.tool
	}
	if c, ok := p.tool.(tool.Clocked); ok {
		alone := false
		if cfg.Clock, alone = c.Clock(p.Counters); alone {
			cfg.Tool = nil
		}
	} else if p.opt.Stats == "yes" && p.shadow {
		p.ran.fast, p.ran.dirty = p.Counters(1), p.Counters(1)
		cfg.Clock, cfg.DirtyClock = p.ran.fast, p.ran.dirty
	}
	if p.opt.Profile {
		p.profile = newProfile(p, cfg.Tool)
		cfg.Tool = p.profile
	}
	cfg.Caches = p.caches()
	if p.opt.TraceFlags != [8]bool{} || p.opt.DumpError != 0 {
		cfg.Trace = p.fragment
	}
	var err error
	p.trans, err = jit.New(cfg)
	return err
}

// exactMode reports whether $GOGRIND_EXACT, for tests, has a mode: "only" steps every instruction, "keep" drops no undefined
// register that will not be read.
func exactMode(mode string) bool {
	return slices.Contains(strings.Split(os.Getenv("GOGRIND_EXACT"), ","), mode)
}

// cacheLimit is the size of the code cache for --num-transtab-sectors=n, 0 for all there is. A sector of Valgrind's holds about
// as much guest code as 8 MB of ours. $GOGRIND_CODECACHE, in bytes, is for tests that want a cache that is always full.
func cacheLimit(n int) int {
	if v, err := strconv.Atoi(os.Getenv("GOGRIND_CODECACHE")); err == nil {
		return v
	}
	if seed := chaosSeed(); seed != 0 {
		return chaosCache(seed)
	}
	const sector = 8 << 20
	if n == defaultSectors {
		return 0
	}
	return n * sector
}

// defaultSectors is the default of --num-transtab-sectors.
const defaultSectors = 32

// fetch returns guest code from pc to the end of its mapping.
func (p *Process) fetch(pc guest.Addr) []byte {
	m, ok := p.space.Look(pc)
	if !ok || m.Prot&guest.Exec == 0 {
		return nil
	}
	return guest.Bytes(pc, int(min(uint64(m.End-pc), 1<<20)))
}

// instruction copies the code at pc to buf: that of one instruction, or as much as there is.
func (p *Process) instruction(pc guest.Addr, buf *[maxInst]byte) []byte {
	m, ok := p.space.Look(pc)
	if !ok || m.Prot&guest.Exec == 0 {
		return nil
	}
	return buf[:p.space.ReadMem(buf[:], pc)]
}

// executable reports whether a is guest code.
func (p *Process) executable(a guest.Addr) bool {
	m, ok := p.space.Look(a)
	return ok && m.Prot&guest.Exec != 0
}

// verify reports whether code at pc may change without a write fault there: memory that may be mapped a second time, writable.
func (p *Process) verify(pc guest.Addr) bool {
	if p.opt.SMCCheck == "none" {
		return false
	}
	if p.opt.SMCCheck == "all" {
		return true
	}
	m, ok := p.space.Look(pc)
	return ok && m.Flags&unix.MAP_SHARED != 0
}

// stable reports whether code at pc is that of a file, mapped without permission to write; objects.Protected looks out for changes.
func (p *Process) stable(pc guest.Addr) bool {
	if p.strings != nil && p.strings.Contains(pc) {
		return true
	}
	m, ok := p.space.Look(pc)
	return ok && m.Named && m.Prot&guest.Write == 0 && m.Flags&unix.MAP_SHARED == 0
}

// stackSwitch is --max-stackframe as translated code wants it.
func stackSwitch(n int64) uint32 { return uint32(min(max(n, 0), math.MaxInt32)) }

// translated protects guest code that has been copied, if the guest may write to it.
func (p *Process) translated(r guest.Range) {
	if p.opt.SMCCheck == "none" {
		return
	}
	p.space.WriteProtect(guest.Range{Start: r.Start.PageDown(), End: r.End.PageUp()})
}

// breakMoved tells w that t has moved the break. In a static program some code relies on the zeros there: what the start code takes
// before there is a thread pointer is thread-local storage, as that which a dynamic linker maps; and where malloc was not found, as
// there are no symbols, it is calloc that does not clear what is new.
func (p *Process) breakMoved(w tool.BreakWatcher, t *sched.Thread, from, to guest.Addr) {
	if p.image.Interp == "" && !p.heapFound.Load() {
		return
	}
	if p.image.Interp == "" && p.image.TLS && t.Regs().FSBase == 0 && from < to {
		from = to
	}
	w.BreakMoved(t, from, to)
}

func (p *Process) makeScheduler(firstFD int, limits memoryLimits) {
	watcher, _ := p.tool.(tool.FaultWatcher)
	p.threads.tool, _ = p.tool.(tool.ThreadWatcher)
	p.threads.ended = p.threadEnded
	stacks, _ := p.tool.(tool.StackWatcher)
	p.request = request.Dispatcher{Core: requests{p}}
	p.request.Tool, _ = p.tool.(tool.Requester)
	kernel, _ := p.tool.(tool.KernelWatcher)
	exact, _ := p.tool.(tool.Exact)
	events, _ := p.tool.(tool.EventWatcher)
	noFile := unix.Rlimit{}
	noFile.Cur, noFile.Max = stage0.NoFileLimit()
	var auxv []byte
	for _, v := range p.image.Auxv {
		auxv = binary.LittleEndian.AppendUint64(auxv, v)
	}
	var cmdline []byte
	for _, a := range p.image.Argv {
		cmdline = append(append(cmdline, a...), 0)
	}
	environ := make([]byte, p.image.Env.Len())
	environ = environ[:p.space.ReadMem(environ, p.image.Env.Start)]
	cfg := sched.Config{
		Space: p.space, Translator: p.trans,
		Engine: func(sig syswrap.Signals) *syswrap.Engine {
			cfg := syswrap.Config{
				Space: p.space, Signals: sig, Watcher: kernel, FirstToolFD: firstFD, NoFile: noFile, AddressSpace: limits.space, Data: limits.data,
				Exe: p.image.Path, Cmdline: cmdline, Environ: environ, Auxv: auxv, Stat: statFields(p.image), Code: p.image.Code,
				View:      func(tid int) (signal.View, int, bool) { return p.sched.View(tid) },
				LaxIoctls: p.opt.SimHints.Has(options.HintLaxIoctls),
				TraceMe:   func() int64 { return p.sched.TraceMe() },
				GuestTID:  func(tid int) bool { return p.sched.HasTID(tid) },
				Warn:      func(line string) { p.log.Userf("%s", line) },
			}
			if p.fds = p.trackDescriptors(); p.fds != nil {
				cfg.Descriptors = p.fds
			}
			if p.opt.ModifyFDs != "no" {
				cfg.ModifyFDs = p.opt.ModifyFDs
			}
			if p.warnsOfDescriptors() {
				cfg.WarnFD = func(line string) { p.log.Userf("%s", line) }
			}
			cfg.Trace = func(line string) { p.log.Debugf("%s", line) }
			if w, ok := p.tool.(tool.BreakWatcher); ok {
				cfg.Break = func(t syswrap.Thread, from, to guest.Addr) { p.breakMoved(w, t.(*sched.Thread), from, to) }
			}
			_, cfg.NoClone3 = p.tool.(tool.HeapReplacer) // the tools that show stacks
			cfg.Tracing = func() bool { return p.opt.TraceSyscalls }
			return syswrap.New(cfg)
		},
		Request:   p.clientRequest,
		StackAt:   p.stackAt,
		NRAddr:    func(t *sched.Thread) uint64 { return uint64(t.Wrapped) },
		Hooks:     p.hook,
		HookPC:    func(n int) guest.Addr { return p.redir.Get(n).Addr },
		Check:     p.check,
		Faults:    faults{p, watcher},
		Threads:   &p.threads,
		Stacks:    stacks,
		Events:    events,
		Kernel:    kernel,
		Exact:     exact,
		ExactOnly: exactMode("only"),
		Callers:   func(t *sched.Thread, pcs []guest.Addr) int { return p.Unwind(t, pcs) },
		Caches:    p.trans.Caches(),
		Touched:   p.touched,
		Fatal:     p.fatal,
		Finish:    p.finish,
		Exec:      p.exec,
		Forked:    p.forked,
		FirstFD:   firstFD,
		Shadow:    p.shadow,
		Warn:      func(format string, args ...any) { p.log.Userf("Warning: "+format, args...) },
		Mask:      stage0.SignalMask(), Ignored: stage0.IgnoredSignals(), Waiting: stage0.WaitingSignals(),
	}
	if w, ok := p.tool.(tool.ForkWatcher); ok {
		cfg.Forking = func(t *sched.Thread) { w.Forking(t) }
	}
	cfg.QuickFault = p.quickFault
	p.schedulerOptions(&cfg)
	p.sched = sched.New(cfg)
}

// statFields are the fields of /proc/self/stat that depend on the program, by number (proc_pid_stat(5)).
func statFields(im *loader.Image) map[int]uint64 {
	return map[int]uint64{
		26: uint64(im.Code.Start), 27: uint64(im.Code.End), 28: uint64(im.SP),
		45: uint64(im.Data.Start), 46: uint64(im.Data.End), 47: uint64(im.BrkStart),
		48: uint64(im.Args.Start), 49: uint64(im.Args.End), 50: uint64(im.Env.Start), 51: uint64(im.Env.End),
	}
}
