// Package options reads the command line, the option files and $VALGRIND_OPTS, with Valgrind's spelling, precedence and
// messages.
//
// Options are declared on a flag.FlagSet through YesNo, Enum, Int and their like, by the core here and by tools in their
// Flags method, so that both read the same way and --help is generated. The package does not act on options: those that
// only steer Valgrind's own insides are parsed and validated, and kept for nobody.
//
// Invariants: a value once parsed is within its limits; everything after the first word that is no option belongs to
// the program. A Core is immutable after Parse.
package options

import (
	"flag"
	"path/filepath"
	"strings"
)

// Version is our own version, as --version and the banner show it.
const Version = "0.1.0"

// Sink says where a log or an XML report goes.
type Sink struct {
	Kind SinkKind
	FD   int    // for ToFD
	Name string // file name pattern (see ExpandName) or socket address
}

// SinkKind is the kind of a Sink.
type SinkKind uint8

const (
	ToFD SinkKind = iota
	ToFile
	ToSocket
	ToNowhere // XML without --xml-fd, --xml-file and --xml-socket
)

// Names of the bits of set-valued options, in bit order.
var (
	// StopEvents are the events of --vgdb-stop-at.
	StopEvents = []string{"startup", "exit", "abexit", "valgrindabexit"}
	// SimHints are the hints of --sim-hints.
	SimHints = []string{"lax-ioctls", "lax-doors", "fuse-compatible", "enable-outer", "no-inner-prefix",
		"no-nptl-pthread-stackcache", "fallback-llsc"}
	kernelVariants = []string{"bproc", "android-no-hw-tls", "android-gpu-sgx5xx", "android-gpu-adreno3xx"}
)

// Bits of Core.SimHints.
const (
	HintLaxIoctls = iota
	HintLaxDoors
	HintFuseCompatible
	HintEnableOuter
	HintNoInnerPrefix
	HintNoStackCache // no-nptl-pthread-stackcache
)

// Core holds the options of the core. Comments name the option where the field's name differs.
type Core struct {
	// Basic options.
	Verbosity            int // 1, plus one per -v, minus one per -q
	DebugLevel           int // one per -d
	TraceChildren        bool
	TraceChildrenSkip    []string // shell patterns of executables
	TraceChildrenSkipArg []string // --trace-children-skip-by-arg
	ChildSilent          bool     // --child-silent-after-fork
	VGDB                 string   // no, yes, full
	VGDBError            int
	VGDBStopAt           Set // StopEvents
	TrackFDs             string
	ModifyFDs            string
	TimeStamp            bool
	Log                  Sink

	// Options about errors.
	XML               bool
	XMLSink           Sink
	XMLComment        string
	XMLProtocol       int // 4, 5 or 6; 0: not given
	Demangle          bool
	NumCallers        int
	ErrorLimit        bool
	ErrorExitcode     int
	ExitOnFirstError  bool
	MarkBegin         string // --error-markers
	MarkEnd           string
	Markers           bool
	ShowErrorList     string // no, yes, all
	SigillDiagnostics bool
	KeepDebuginfo     bool
	ShowBelowMain     bool
	FullpathAfter     []string // nil when the option was never given
	Suppressions      []string
	DefaultSupp       bool   // --default-suppressions
	GenSuppressions   string // no, yes, all
	InputFD           int

	// Options about the guest's memory and heap.
	MaxStackframe    int64
	MainStacksize    int64 // 0: from the resource limit
	MaxThreads       int   // 0: as many as the system gives
	Alignment        uint64
	RedzoneSize      int64 // -1: the tool's default
	ReallocZeroFrees bool  // --realloc-zero-bytes-frees
	XtreeMemory      string
	XtreeMemoryFile  string
	XtreeCompress    bool // --xtree-compress-strings

	// Uncommon options.
	ExtraDebuginfoPath   string
	DebuginfoServer      string
	EnableDebuginfod     bool
	AllowMismatched      bool // --allow-mismatched-debuginfo
	SMCCheck             string
	ReadInlineInfo       bool
	ReadVarInfo          bool
	VGDBPoll             int
	VGDBShadowRegisters  bool
	VGDBPrefix           string
	RunLibcFreeres       bool
	RunCxxFreeres        bool
	SimHints             Set
	FairSched            string
	SchedulingQuantum    int
	MergeRecursiveFrames int
	TranstabSectors      int    // --num-transtab-sectors
	AspaceMinaddr        uint64 // 0: not given
	ShowEmwarns          bool
	RequireTextSymbol    []string
	SonameSynonyms       []string // as given: syn=pattern,...

	// Debugging options that we act on.
	Stats           string // no, brief, yes
	SanityLevel     int
	TraceFlags      [8]bool
	Profile         bool // --profile-flags is given, perhaps without any bit
	ProfileFlags    [8]bool
	ProfileInterval uint64
	TraceNotBelow   uint64
	TraceNotAbove   uint64
	TraceSyscalls   bool
	TraceSignals    bool
	TraceSymtab     bool
	TraceSymPatt    string
	TraceCFI        bool
	TraceRedir      bool
	TraceSched      bool
	TraceMalloc     bool
	DumpSyms        bool // --debug-dump=
	DumpLine        bool
	DumpFrames      bool
	WaitForGDB      bool
	SymOffsets      bool
	Progress        int // --progress-interval
	DumpError       int

	accepted accepted
	reader   *reader // for Change
}

// accepted are options with a meaning only inside Valgrind: checked for the sake of command lines made for it.
type accepted struct {
	flag      bool
	number    int64
	word      string
	set       Set
	coreRZ    int64
	px        string
	vexRegs   int
	stackScan int
}

// Command is the program to run and how it was asked for.
type Command struct {
	// Args is the program and its arguments.
	Args []string
	// Options are our options as given, from all sources in the order of precedence (XML's vargv).
	Options []string
	// Notes are lines for the log about option files that were not read, and options that miss another one.
	Notes []string
}

// Parse reads, weakest first, ~/.valgrindrc, $VALGRIND_OPTS, ./.valgrindrc and args (without the program's own name).
// toolFlags declares the options of the tool; it may be nil. The error is an *Answer for --help and --version, and
// else usually an *Error; Finish reports both.
func Parse(args, env []string, toolName string, toolFlags func(*flag.FlagSet)) (*Core, *Command, error) {
	p := &parser{core: &Core{}, tool: toolName}
	p.declare(toolFlags)
	opts, program := splitCommand(args)
	if answer := p.question(opts, env); answer != nil {
		return nil, nil, answer
	}
	if len(program) == 0 {
		return nil, nil, &Error{Detail: "no program specified"}
	}
	r := &reader{tool: toolName, fs: p.fs}
	if err := r.read(opts, env); err != nil {
		return nil, nil, err
	}
	if err := p.check(); err != nil {
		return nil, nil, err
	}
	if p.core.ExitOnFirstError && p.core.ErrorExitcode == 0 { // the run goes on all the same, and ends with status 0 at the first error
		e := &Error{Option: "--exit-on-first-error=yes", Detail: "You must define a non nul exit error code, with --error-exitcode=..."}
		r.notes = append(r.notes, strings.Split(e.Error()+"\n"+e.hint(), "\n")...)
	}
	p.core.reader = r
	return p.core, &Command{Args: program, Options: r.given, Notes: r.notes}, nil
}

// check looks at combinations of options.
func (p *parser) check() error {
	c := p.core
	if !p.sigillGiven {
		c.SigillDiagnostics = c.Verbosity >= 1
	}
	switch {
	case c.XML && c.XMLSink.Kind == ToNowhere:
		return &Error{Option: "--xml=yes, but no XML destination specified", Logged: true,
			Detail: "--xml=yes has been specified, but there is no XML output\n" +
				"destination.  You must specify an XML output destination\n" +
				"using --xml-fd, --xml-file or --xml-socket."}
	case c.XML && c.GenSuppressions == "yes":
		return &Error{Option: "--xml=yes together with --gen-suppressions=yes", Logged: true,
			Detail: "When --xml=yes is specified, --gen-suppressions=no\n" +
				"or --gen-suppressions=all is allowed, but not --gen-suppressions=yes."}
	}
	return nil
}

// Quiet reports whether only errors should be shown.
func (c *Core) Quiet() bool { return c.Verbosity < 1 }

// ShowList reports whether the lists of errors and used suppressions are shown at the end.
func (c *Core) ShowList() bool {
	return c.ShowErrorList == "yes" || c.ShowErrorList == "all" || c.ShowErrorList == "" && c.Verbosity >= 2
}

// ToolOf returns the tool that a command line for the driver asks for with --tool=.
func ToolOf(args []string) string {
	tool := "memcheck"
	opts, _ := splitCommand(args)
	for _, o := range opts {
		if len(o) > len("--tool=") && o[:len("--tool=")] == "--tool=" {
			tool = filepath.Base(o[len("--tool="):])
		}
	}
	return tool
}
