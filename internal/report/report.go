// Package report is where findings and messages go: it counts findings, tells old from new, asks suppressions, and writes
// the log in Valgrind's form.
//
// Findings are data; the text log and the XML report are renderings of entries, and further ones implement Sink. The
// package does not capture stacks, find names or choose exit codes.
//
// All methods of Log and Reporter are safe for concurrent use. Lock order:
//
//	Reporter.mu
//	  Log.mu
package report

import (
	"slices"
	"sync"

	"gogrind/internal/guest"
	"gogrind/internal/suppress"
)

// Finding is one thing that a tool found.
type Finding struct {
	Kind   string // as in XML: "InvalidRead"
	Text   string // "Invalid read of size 4"; lines after the first are shown as they are
	Thread int    // 0: of no thread
	// Key tells findings of one kind and place apart; "" stands for Text. Set it when Text has details that vary from one
	// instance to the next, such as addresses. Kind plays no part then.
	Key string
	// Stack is an interned stack, PCs are its addresses when it is 0.
	Stack uint32
	PCs   []guest.Addr
	Aux   []Aux
	// SuppKind is the kind in suppressions ("Addr4"), SuppExtra the line that some kinds have after it. Without SuppKind
	// a finding can't be suppressed.
	SuppKind, SuppExtra string

	// Only for leaks. LeakKind is the bit of the kind in suppress.LeakKinds.
	LeakKind                  uint32
	LeakedBytes, LeakedBlocks uint64

	// Fill completes a finding that is new, before it is shown: what is costly to find out belongs there. It may be nil.
	// It is called with the reporter locked and must not report.
	Fill func(*Finding)
}

// Aux is additional information with an optional stack: where a block was allocated.
type Aux struct {
	Text  string // without the space that indents it
	Stack uint32
	PCs   []guest.Addr
	// File and Line are a source position that Text speaks of, for XML; File may be "".
	File string
	Line int
}

// Entry is a context: a finding and how often it came.
type Entry struct {
	Finding
	Unique    uint64 // number from 0 in the order of occurrence, counting suppressed and repeated findings, too
	Count     uint64
	Rule      *suppress.Rule // what suppressed it, nil if nothing
	Frames    []Frame
	AuxFrames [][]Frame // for each Aux, nil without stack

	all  []Frame // Frames and those below main
	last uint64  // number of the latest instance among all findings
}

// Sink receives entries beside or instead of the text log. Its methods are called with the reporter locked.
type Sink interface {
	// Found is called for each entry that is to be shown. supp is the suppression that --gen-suppressions wants with it,
	// nil for none.
	Found(e *Entry, supp *suppress.Finding)
	// Cut is called when the process ends at once, after an entry.
	Cut()
	// Finished is called once, at the end; shown are the contexts that were shown, the most recent first, used the suppressions.
	Finished(counts Counts, shown []*Entry, used []*suppress.Rule)
}

// Config is what a Reporter needs; the names in comments are options.
type Config struct {
	Symbols      Symbolizer
	Stacks       Stacks
	Suppressions *suppress.Set // may be nil
	SuppTool     string        // the tool's name in suppressions: "Memcheck"
	View         View

	Verbosity       int
	ErrorLimit      bool   // --error-limit
	ShowList        bool   // -s, or as -v implies
	GenSuppressions string // --gen-suppressions
	InputFD         int    // --input-fd
	Markers         bool   // --error-markers
	MarkBegin       string
	MarkEnd         string
	ExitOnFirst     bool // --exit-on-first-error

	// DumpError is --dump-error: the number from 1, in the list at the end, of the context that Dump is called for with its stack; 0
	// for none. Dump runs with the reporter locked.
	DumpError int
	Dump      func(pcs []guest.Addr)

	// Exit ends the process for --exit-on-first-error, after the finding has been shown.
	Exit func()
	// Shown is called after each shown finding, with their number so far: gdb may want to stop. May be nil.
	Shown func(n uint64)
	// ThreadName is the name that the guest gave a thread, "" for none. May be nil.
	ThreadName func(thread int) string
	// Disabled reports whether a thread's findings are neither shown nor counted just now. May be nil.
	Disabled func(thread int) bool
	// Sink, when set, gets the findings instead of the log.
	Sink Sink
}

// Limits as in Valgrind, which names them in its messages.
const (
	slowAfterShown = 100      // compare only two calls from then on
	stopAfterShown = 1000     // different findings
	stopAfterFound = 10000000 // findings in all
)

// Calls of the stack that are compared to tell whether a finding is new.
const (
	callersFull = 4
	callersSlow = 2
)

// key identifies a context at a given number of callers.
type key struct {
	kind, supp, text string
	callers          int
	pcs              [callersFull]guest.Addr
}

// Counts are the numbers of the summary.
type Counts struct {
	Errors, Contexts                     uint64
	SuppressedErrors, SuppressedContexts uint64
	Shown                                uint64
}

// Reporter receives findings.
type Reporter struct {
	log *Log
	cfg Config

	mu       sync.Mutex // guards all below
	entries  map[key]*Entry
	list     []*Entry // all but unique ones, in the order of occurrence
	seen     uint64   // findings so far
	counts   Counts
	thread   int // whose heading was printed last
	slow     bool
	stopped  bool
	noPrompt bool
	used     []*suppress.Rule // the one that matched a new finding last comes first
}

// New returns a reporter that writes to log.
func New(log *Log, cfg Config) *Reporter {
	return &Reporter{log: log, cfg: cfg, entries: map[key]*Entry{}, thread: 1}
}

// Log is the log that the reporter writes to.
func (r *Reporter) Log() *Log { return r.log }

// Change lets change alter the configuration, for options that are set while the program runs.
func (r *Reporter) Change(change func(*Config)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.cfg)
}

// Counts are the numbers so far.
func (r *Reporter) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

// keyOf makes the key of f with the given number of callers.
func (r *Reporter) keyOf(f *Finding, callers int) key {
	k := key{kind: f.Kind, supp: f.SuppKind, text: f.Key, callers: callers}
	if k.text == "" {
		k.text = f.Text
	} else {
		k.kind = "" // the text says which errors are one
	}
	pcs, _ := r.pcs(f.Stack, f.PCs)
	copy(k.pcs[:callers], pcs)
	return k
}

func (r *Reporter) pcs(id uint32, pcs []guest.Addr) (stack []guest.Addr, era uint32) {
	if id != 0 && r.cfg.Stacks != nil {
		return r.cfg.Stacks.Get(id)
	}
	return pcs, 0
}

// Report counts f, and shows it if it is new and not suppressed. The reporter keeps a copy.
func (r *Reporter) Report(f *Finding) {
	if r.cfg.Disabled != nil && r.cfg.Disabled(f.Thread) {
		return
	}
	r.mu.Lock()
	shown := r.record(f)
	r.mu.Unlock()
	r.follow(shown)
}

// record counts and shows f; it returns the number of findings shown so far if f is a new one, else 0. r.mu is held.
func (r *Reporter) record(f *Finding) uint64 {
	if r.limited() {
		return 0
	}
	n := r.next()
	callers := callersFull
	if r.slow {
		callers = callersSlow
	}
	if e := r.entries[r.keyOf(f, callers)]; e != nil {
		e.last = n
		r.again(e)
		return 0
	}
	e := &Entry{Finding: *f, Count: 1, Unique: n, last: n}
	r.entries[r.keyOf(f, callersFull)] = e
	if k := r.keyOf(f, callersSlow); r.entries[k] == nil {
		r.entries[k] = e
	}
	r.list = append(r.list, e)
	r.resolve(e)
	if r.suppressed(e) {
		r.counts.SuppressedErrors++
		r.counts.SuppressedContexts++
		return 0
	}
	r.counts.Errors++
	r.counts.Contexts++
	r.show(e)
	return r.counts.Shown
}

// follow does what follows from a shown finding, the n-th; 0 is none. It runs unlocked: gdb may ask for the findings.
func (r *Reporter) follow(n uint64) {
	if n == 0 {
		return
	}
	if r.cfg.ExitOnFirst {
		r.cfg.Exit()
	}
	if r.cfg.Shown != nil {
		r.cfg.Shown(n)
	}
}

// next numbers findings from 0; r.mu is held.
func (r *Reporter) next() uint64 {
	r.seen++
	return r.seen - 1
}

// limited applies --error-limit, and compares less from some number of findings on, with or without that option; it reports
// whether nothing more is recorded.
func (r *Reporter) limited() bool {
	if r.cfg.Sink != nil {
		return false
	}
	if r.stopped {
		return true
	}
	switch {
	case r.cfg.ErrorLimit && r.counts.Shown >= stopAfterShown:
		r.log.Userf("\nMore than %d different errors detected.  I'm not reporting any more.\n%s", stopAfterShown, stopText)
		r.stopped = true
	case r.cfg.ErrorLimit && r.counts.Errors >= stopAfterFound:
		r.log.Userf("\nMore than %d total errors detected.  I'm not reporting any more.\n%s", stopAfterFound, stopText)
		r.stopped = true
	case r.counts.Shown >= slowAfterShown && !r.slow:
		r.log.Userf("\nMore than %d errors detected.  Subsequent errors\nwill still be recorded, but in less detail than before.", slowAfterShown)
		r.slow = true
	}
	return r.stopped
}

// stopText is the rest of the message that nothing more is reported; log filters know it in this form.
const stopText = "Final error counts will be inaccurate.  Go fix your program!\n" +
	"Rerun with --error-limit=no to disable this cutoff.  Note\n" +
	"that errors may occur in your program without prior warning from\n" +
	"Valgrind, because errors are no longer being displayed.\n\n"

// again counts a finding that is known.
func (r *Reporter) again(e *Entry) {
	e.Count++
	if e.Rule != nil {
		r.counts.SuppressedErrors++
		e.Rule.Use(1)
		return
	}
	r.counts.Errors++
}

// Unique reports f without comparing it with others, as leaks are. show and count say whether it is shown and counted.
// It returns whether f is suppressed.
func (r *Reporter) Unique(f *Finding, show, count bool) (suppressed bool) {
	r.mu.Lock()
	e := &Entry{Finding: *f, Count: 1, Unique: r.next()}
	if show || r.cfg.Suppressions != nil && r.cfg.Suppressions.Has(f.SuppKind, f.LeakKind) {
		// Names are costly: the first ones read debug information, each forked child for itself.
		r.resolve(e)
		suppressed = r.suppressed(e)
	}
	switch {
	case count && suppressed:
		r.counts.SuppressedErrors++
		r.counts.SuppressedContexts++
	case count:
		r.counts.Errors++
		r.counts.Contexts++
	}
	shown := uint64(0)
	if !suppressed && show {
		r.show(e)
		shown = r.counts.Shown
	}
	r.mu.Unlock()
	r.follow(shown)
	return suppressed
}

// resolve completes e and finds its names.
func (r *Reporter) resolve(e *Entry) {
	if e.Fill != nil {
		e.Fill(&e.Finding)
		e.Fill = nil
	}
	pcs, era := r.pcs(e.Stack, e.PCs)
	e.PCs = slices.Clone(pcs)
	frames, shown := r.cfg.View.resolve(r.cfg.Symbols, e.PCs, era)
	e.Frames, e.all = frames[:shown:shown], frames
	e.AuxFrames = make([][]Frame, len(e.Aux))
	for i := range e.Aux {
		a := &e.Aux[i]
		if pcs, era := r.pcs(a.Stack, a.PCs); len(pcs) > 0 {
			frames, shown := r.cfg.View.resolve(r.cfg.Symbols, pcs, era)
			e.AuxFrames[i] = frames[:shown]
		}
	}
}

// suppression is e with the given frames as suppressions see it.
func (e *Entry) suppression(frames []Frame) *suppress.Finding {
	return &suppress.Finding{Kind: e.SuppKind, Extra: e.SuppExtra, Leak: e.LeakKind, Frames: suppressFrames(frames)}
}

// suppressed looks for a suppression of a new entry and counts its use.
func (r *Reporter) suppressed(e *Entry) bool {
	if r.cfg.Suppressions == nil || e.SuppKind == "" {
		return false
	}
	f := e.suppression(e.all)
	f.Cut = len(e.PCs) >= r.cfg.View.NumCallers
	e.Rule = r.cfg.Suppressions.Match(f)
	if e.Rule == nil {
		return false
	}
	if e.LeakedBlocks != 0 {
		e.Rule.UseLeak(e.LeakedBytes, e.LeakedBlocks)
	} else {
		e.Rule.Use(1)
	}
	if i := slices.Index(r.used, e.Rule); i >= 0 {
		r.used = slices.Delete(r.used, i, i+1)
	}
	r.used = slices.Insert(r.used, 0, e.Rule)
	return true
}
