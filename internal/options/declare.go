package options

import (
	"flag"
	"math"
	"strconv"
	"strings"
)

// parser holds the declarations of one Parse.
type parser struct {
	core   *Core
	tool   string
	fs     *flag.FlagSet
	groups []group

	sigillGiven bool
}

// group is a run of options under one heading of --help.
type group struct {
	title string
	debug bool
	names []string
}

// inlineTools read inlined calls unless told otherwise: those that do so in Valgrind, and cachegrind, whose profile for pprof has
// them.
var inlineTools = []string{"memcheck", "massif", "helgrind", "drd", "dhat", "cachegrind"}

// declare declares the core's options and the tool's.
func (p *parser) declare(toolFlags func(*flag.FlagSet)) {
	p.fs = flag.NewFlagSet(p.tool, flag.ContinueOnError)
	p.basic()
	p.group("basic options of all tools", false)
	p.errors()
	p.group("options of tools that report errors", false)
	p.heap()
	p.group("options of tools that replace malloc", false)
	p.uncommon()
	p.group("uncommon options of all tools", false)
	if toolFlags != nil {
		toolFlags(p.fs)
		p.group("options of "+p.tool, false)
	}
	p.debugging()
	p.group("debugging options of all tools", true)
	p.vex()
	p.group("accepted for command lines made for Valgrind, without effect", true)
}

// group closes a group: it takes all options declared since the one before.
func (p *parser) group(title string, debug bool) {
	seen := map[string]bool{}
	for _, g := range p.groups {
		for _, n := range g.names {
			seen[n] = true
		}
	}
	g := group{title: title, debug: debug}
	p.fs.VisitAll(func(f *flag.Flag) {
		if !seen[f.Name] {
			g.names = append(g.names, f.Name)
		}
	})
	p.groups = append(p.groups, g)
}

func (p *parser) basic() {
	fs, c := p.fs, p.core
	c.Verbosity = 1
	c.Log = Sink{Kind: ToFD, FD: 2}
	nothing := func() {} // answered by question, before options are applied
	Func(fs, "tool", "<name>", p.setTool, "the tool to run; must be the one this executable is")
	Switch(fs, "h", nothing, "show this text")
	Switch(fs, "help", nothing, "show this text")
	Switch(fs, "help-debug", nothing, "show this text and the debugging options")
	Switch(fs, "help-dyn-options", nothing, "show the options that can be changed while a program runs")
	Switch(fs, "version", nothing, "show the version")
	for _, n := range []string{"q", "quiet"} {
		Switch(fs, n, func() { c.Verbosity-- }, "show errors only")
	}
	for _, n := range []string{"v", "verbose"} {
		Switch(fs, n, func() { c.Verbosity++ }, "show more; may be repeated")
	}
	YesNo(fs, &c.TraceChildren, "trace-children", false, "run programs that are exec'ed under the tool, too")
	comma(fs, &c.TraceChildrenSkip, "trace-children-skip", "<pattern,...>", "executables to run natively all the same")
	comma(fs, &c.TraceChildrenSkipArg, "trace-children-skip-by-arg", "<pattern,...>", "the same, looking at arguments")
	YesNo(fs, &c.ChildSilent, "child-silent-after-fork", false, "children write no log between fork and exec")
	Enum(fs, &c.VGDB, "vgdb", "yes", []string{"no", "yes", "full"}, "let gdb and vgdb connect")
	Any(fs, &c.VGDBError, "vgdb-error", 999999999, "wait for gdb after this many errors; 0: at start")
	fs.Var(set{&c.VGDBStopAt, "vgdb-stop-at", StopEvents, true}, "vgdb-stop-at", "wait for gdb at these events")
	enumBad(fs, &c.TrackFDs, "track-fds", "no", []string{"no", "yes", "all", "bad"},
		"Bad argument, should be 'yes', 'all' or 'no'", "list open file descriptors at exit")
	Enum(fs, &c.ModifyFDs, "modify-fds", "no", []string{"no", "yes", "high"}, "number new file descriptors from the top")
	YesNo(fs, &c.TimeStamp, "time-stamp", false, "begin log lines with the time since start")
	Func(fs, "log-fd", "<number>", func(s string) error { return sinkFD(&c.Log, s) }, "log to this file descriptor [2]")
	Func(fs, "log-file", "<file>", func(s string) error { return sinkFile(&c.Log, s) }, "log to this file; %p pid, %n number, %q{VAR} variable")
	Func(fs, "log-socket", "<ip:port>", func(s string) error { return sinkSocket(&c.Log, "log-socket", s) }, "log to this TCP socket, port 1500 if not given")
	YesNo(fs, &p.core.accepted.flag, "command-line-only", false, "read no option files and no $VALGRIND_OPTS")
}

func (p *parser) errors() {
	fs, c := p.fs, p.core
	c.XMLSink = Sink{Kind: ToNowhere}
	YesNo(fs, &c.XML, "xml", false, "report errors as XML")
	Func(fs, "xml-fd", "<number>", func(s string) error { return sinkFD(&c.XMLSink, s) }, "XML to this file descriptor")
	Func(fs, "xml-file", "<file>", func(s string) error { return sinkFile(&c.XMLSink, s) }, "XML to this file")
	Func(fs, "xml-socket", "<ip:port>", func(s string) error { return sinkSocket(&c.XMLSink, "xml-socket", s) }, "XML to this TCP socket")
	Func(fs, "xml-protocol", "4|5|6", p.setXMLProtocol, "version of the XML [4; 5 with --track-fds]")
	String(fs, &c.XMLComment, "xml-user-comment", "", "<text>", "text to put into the XML as it is")
	YesNo(fs, &c.Demangle, "demangle", true, "show C++ and Rust names as in the source")
	Int(fs, &c.NumCallers, "num-callers", 12, 1, 500, "calls in a stack trace")
	YesNo(fs, &c.ErrorLimit, "error-limit", true, "stop reporting after very many errors")
	YesNo(fs, &c.ExitOnFirstError, "exit-on-first-error", false, "end the run at the first error")
	Any(fs, &c.ErrorExitcode, "error-exitcode", 0, "exit status when errors were found; 0: the program's own")
	Func(fs, "error-markers", "<begin>,<end>", p.setMarkers, "lines put before and after each error")
	Enum(fs, &c.ShowErrorList, "show-error-list", "", []string{"no", "yes", "all"}, "list errors and suppressions at exit [yes with -v]")
	Switch(fs, "s", func() { c.ShowErrorList = "yes" }, "same as --show-error-list=yes")
	YesNo(fs, &c.KeepDebuginfo, "keep-debuginfo", false, "keep names of unloaded objects")
	YesNo(fs, &c.ShowBelowMain, "show-below-main", false, "show the calls that led to main")
	StringList(fs, &c.Suppressions, "suppressions", "<file>", "suppress the errors described in this file; may be repeated")
	YesNo(fs, &c.DefaultSupp, "default-suppressions", true, "use the built-in suppressions")
	Enum(fs, &c.GenSuppressions, "gen-suppressions", "no", []string{"no", "yes", "all"}, "print suppressions for errors")
	Any(fs, &c.InputFD, "input-fd", 0, "file descriptor for answers")
}

func (p *parser) heap() {
	fs, c := p.fs, p.core
	Func(fs, "alignment", "<number>", p.setAlignment, "least alignment of heap blocks [16]")
	c.Alignment = 16
	Int(fs, &c.RedzoneSize, "redzone-size", -1, 0, 4096, "unused bytes around heap blocks; -1: as the tool likes")
	YesNo(fs, &c.ReallocZeroFrees, "realloc-zero-bytes-frees", true, "realloc to size 0 frees the block")
	Enum(fs, &c.XtreeMemory, "xtree-memory", "none", []string{"none", "allocs", "full"}, "write a profile of heap use at exit")
	String(fs, &c.XtreeMemoryFile, "xtree-memory-file", "xtmemory.kcg.%p", "<file>", "where to")
}

func (p *parser) uncommon() {
	fs, c := p.fs, p.core
	StringList(fs, &c.FullpathAfter, "fullpath-after", "<text>", "show paths of source files, from after this text; may be repeated")
	String(fs, &c.ExtraDebuginfoPath, "extra-debuginfo-path", "", "<path>", "another directory with debug files")
	String(fs, &c.DebuginfoServer, "debuginfo-server", "", "<ip:port>", "server with debug files")
	YesNo(fs, &c.EnableDebuginfod, "enable-debuginfod", true, "ask the servers in $DEBUGINFOD_URLS for debug files")
	YesNo(fs, &c.AllowMismatched, "allow-mismatched-debuginfo", false, "use debug files that don't fit")
	Enum(fs, &c.SMCCheck, "smc-check", "all-non-file", []string{"none", "stack", "all", "all-non-file"}, "look for self-modifying code in")
	inline := false
	for _, t := range inlineTools {
		inline = inline || t == p.tool
	}
	YesNo(fs, &c.ReadInlineInfo, "read-inline-info", inline, "show inlined calls")
	YesNo(fs, &c.ReadVarInfo, "read-var-info", false, "show names of variables")
	Any(fs, &c.VGDBPoll, "vgdb-poll", 5000, "look for gdb once in so many blocks")
	YesNo(fs, &c.VGDBShadowRegisters, "vgdb-shadow-registers", false, "show shadow registers to gdb")
	String(fs, &c.VGDBPrefix, "vgdb-prefix", "/tmp/vgdb-pipe", "<prefix>", "beginning of the names of vgdb's pipes")
	YesNo(fs, &c.RunLibcFreeres, "run-libc-freeres", true, "let libc free its memory at exit")
	YesNo(fs, &c.RunCxxFreeres, "run-cxx-freeres", true, "let libstdc++ free its memory at exit")
	fs.Var(set{&c.SimHints, "sim-hints", SimHints, false}, "sim-hints", "unusual behaviour to allow")
	enumBad(fs, &c.FairSched, "fair-sched", "no", []string{"no", "yes", "try"},
		"Bad argument, should be 'yes', 'try' or 'no'", "schedule threads in turn")
	Int(fs, &c.SchedulingQuantum, "scheduling-quantum", 100000, 1, math.MaxInt32, "blocks that a thread runs in its turn")
	Int(fs, &c.MergeRecursiveFrames, "merge-recursive-frames", 0, 0, 500, "leave out recursion through at most so many calls")
	Int(fs, &c.TranstabSectors, "num-transtab-sectors", 32, 2, 48, "size of the cache of translated code")
	Func(fs, "aspace-minaddr", "<0xADDR>", p.setMinaddr, "map nothing below this address")
	YesNo(fs, &c.ShowEmwarns, "show-emwarns", false, "warn about limits of emulation")
	Func(fs, "require-text-symbol", "<:soname:symbol>", p.setRequire, "end the run if an object lacks a symbol")
	comma(fs, &c.SonameSynonyms, "soname-synonyms", "<syn=pattern,...>", "objects with their own allocator")
	Func(fs, "sigill-diagnostics", "no|yes", p.setSigill, "describe illegal instructions [yes]")
	Func(fs, "max-threads", "<number>", p.setMaxThreads, "end the run at the start of a thread that is one more; not given: no limit")
	Any(fs, &c.MaxStackframe, "max-stackframe", 2000000, "larger moves of the stack pointer switch stacks")
	Any(fs, &c.MainStacksize, "main-stacksize", 0, "size of the main thread's stack; 0: as limited")
}

func (p *parser) debugging() {
	fs, c := p.fs, p.core
	Switch(fs, "d", func() { c.DebugLevel++ }, "show what the core does; may be repeated")
	Enum(fs, &c.Stats, "stats", "no", []string{"no", "brief", "yes"}, "show statistics at exit; brief: only what costs nothing to count")
	Any(fs, &c.SanityLevel, "sanity-level", 1, "how much to check our own data")
	// Eight X are eight binary digits, as users know them from Valgrind's help.
	Func(fs, "trace-flags", "<XXXXXXXX>", func(s string) error { return setBits(&c.TraceFlags, "trace-flags", s) }, "show translation of blocks")
	Func(fs, "profile-flags", "<XXXXXXXX>", func(s string) error {
		c.Profile = true
		return setBits(&c.ProfileFlags, "profile-flags", s)
	}, "show the hottest blocks")
	Any(fs, &c.ProfileInterval, "profile-interval", 0, "show them each time that so many were entered; 0: at exit")
	Any(fs, &c.TraceNotBelow, "trace-notbelow", 999999999, "number of the first block to show")
	Any(fs, &c.TraceNotAbove, "trace-notabove", 0, "number of the last block to show")
	YesNo(fs, &c.TraceSyscalls, "trace-syscalls", false, "show system calls")
	YesNo(fs, &c.TraceSignals, "trace-signals", false, "show signals")
	YesNo(fs, &c.TraceSymtab, "trace-symtab", false, "show symbols of objects as they are mapped")
	String(fs, &c.TraceSymPatt, "trace-symtab-patt", "*", "<pattern>", "of objects with this name; also for --trace-cfi and --debug-dump")
	YesNo(fs, &c.TraceCFI, "trace-cfi", false, "show rules for stack frames of objects as they are mapped")
	Func(fs, "debug-dump", "syms|line|frames", p.setDump, "show debug information like readelf: symbols, lines, frames")
	YesNo(fs, &c.TraceRedir, "trace-redir", false, "show redirected functions")
	YesNo(fs, &c.TraceSched, "trace-sched", false, "show scheduling")
	YesNo(fs, &c.TraceMalloc, "trace-malloc", false, "show calls of the allocator")
	YesNo(fs, &c.XtreeCompress, "xtree-compress-strings", true, "number the names in execution trees")
	YesNo(fs, &c.WaitForGDB, "wait-for-gdb", false, "wait 8 seconds at start, so that gdb can attach")
	YesNo(fs, &c.SymOffsets, "sym-offsets", false, "show names as name+offset")
	Int(fs, &c.Progress, "progress-interval", 0, 0, 3600, "show progress once in so many seconds")
	Any(fs, &c.DumpError, "dump-error", 0, "show the translation that error context number n comes from")
}

// vex declares what only has a meaning inside Valgrind.
func (p *parser) vex() {
	fs, a := p.fs, &p.core.accepted
	YesNo(fs, &a.flag, "dsymutil", true, "other systems only")
	YesNo(fs, &a.flag, "profile-heap", false, "profile of Valgrind's own memory")
	Any(fs, &a.coreRZ, "core-redzone-size", 4, "red zones of Valgrind's own memory")
	Int(fs, &a.number, "avg-transtab-entry-size", 0, 50, 5000, "size of a translated block")
	Int(fs, &a.number, "valgrind-stacksize", 1048576, 8192, 10485760, "stack of Valgrind's threads")
	fs.Var(set{&a.set, "kernel-variant", kernelVariants, false}, "kernel-variant", "other kernels")
	Enum(fs, &a.word, "resync-filter", "no", []string{"no", "yes", "verbose"}, "other systems only")
	Int(fs, &a.stackScan, "unw-stack-scan-thresh", 0, 0, 100, "other processors only")
	Int(fs, &a.stackScan, "unw-stack-scan-frames", 5, 0, 32, "other processors only")
	Int(fs, &a.number, "vex-iropt-verbosity", 0, 0, 10, "translator")
	Int(fs, &a.number, "vex-iropt-level", 2, 0, 2, "translator")
	Int(fs, &a.number, "vex-iropt-unroll-thresh", 120, 0, 400, "translator")
	Int(fs, &a.number, "vex-guest-max-insns", 50, 1, 100, "translator")
	YesNo(fs, &a.flag, "vex-guest-chase", true, "translator")
	Int(fs, &a.vexRegs, "vex-regalloc-version", 3, 2, 3, "translator")
	for _, n := range []string{"vex-iropt-register-updates", "px-default", "px-file-backed"} {
		modes := []string{"sp-at-mem-access", "unwindregs-at-mem-access", "allregs-at-mem-access", "allregs-at-each-insn"}
		a.px = modes[1]
		reject := func(s string) error { return bad("Invalid string '%s' in '--%s=%s'", s, n, s) }
		fs.Var(choice{&a.px, modes, reject}, n, "exactness of exceptions; ours are always exact")
	}
}

// comma declares an option with a comma-separated list; repeated ones add up.
func comma(fs *flag.FlagSet, p *[]string, name, syntax, usage string) {
	Func(fs, name, syntax, func(s string) error {
		*p = append(*p, strings.Split(s, ",")...)
		return nil
	}, usage)
}

// enumBad is Enum for the options where Valgrind says what would be right.
func enumBad(fs *flag.FlagSet, p *string, name, def string, names []string, message, usage string) {
	*p = def
	fs.Var(choice{p, names, func(string) error { return bad("%s", message) }}, name, usage)
}

func (p *parser) setTool(s string) error {
	if s == p.tool || s == "none" && p.tool == "nulgrind" {
		return nil
	}
	return bad("this executable is %s; run %s itself, or valgrind --tool=%s", p.tool, s, s)
}

func (p *parser) setMarkers(s string) error {
	c := p.core
	c.MarkBegin, c.MarkEnd, _ = strings.Cut(s, ",")
	c.Markers = true
	return nil
}

func (p *parser) setAlignment(s string) error {
	n, err := parseNumber(s, false)
	if err != nil {
		return bad("Invalid integer value '%s'", s)
	}
	// 4096: larger alignments could not be told from page alignment.
	if n < 16 || n > 4096 || n&(n-1) != 0 {
		return bad("Alignment must be a power of 2 in the range 16..4096.")
	}
	p.core.Alignment = uint64(n)
	return nil
}

func (p *parser) setMinaddr(s string) error {
	hex, ok := strings.CutPrefix(s, "0x")
	n, err := strconv.ParseUint(hex, 16, 64)
	if !ok || err != nil {
		return bad("Invalid address")
	}
	// The limits are those Valgrind gives in its message.
	if n%4096 != 0 || n < 0x1000 || n > 0x200000000 {
		return bad("Must be a page aligned address between 0x1000 and 0x200000000")
	}
	p.core.AspaceMinaddr = n
	return nil
}

func (p *parser) setMaxThreads(s string) error {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return bad("Invalid integer value '%s'", s)
	}
	p.core.MaxThreads = int(n)
	return nil
}

func (p *parser) setRequire(s string) error {
	if f := strings.Split(s, ":"); len(f) != 3 || f[0] != "" || f[1] == "" || f[2] == "" {
		return bad("Invalid --require-text-symbol= specification.")
	}
	p.core.RequireTextSymbol = append(p.core.RequireTextSymbol, s)
	return nil
}

func (p *parser) setXMLProtocol(s string) error {
	if len(s) != 1 || s < "4" || s > "6" {
		return Badf("Invalid protocol '%s' (should be 4, 5 or 6)", s)
	}
	p.core.XMLProtocol = int(s[0] - '0')
	return nil
}

func (p *parser) setSigill(s string) error {
	p.sigillGiven = true
	return yesNo{&p.core.SigillDiagnostics}.Set(s)
}

func (p *parser) setDump(s string) error {
	switch s {
	case "syms":
		p.core.DumpSyms = true
	case "line":
		p.core.DumpLine = true
	case "frames":
		p.core.DumpFrames = true
	default:
		return errUnknown
	}
	return nil
}

func setBits(bits *[8]bool, name, s string) error {
	if len(s) != len(bits) {
		return bad("--%s argument must have 8 digits", name)
	}
	for i, c := range s {
		if c != '0' && c != '1' {
			return bad("--%s argument can only contain 0s and 1s", name)
		}
		bits[i] = c == '1'
	}
	return nil
}
