// Package jit translates guest code: it finds traces, copies their instructions with the annotations that a tool asks for,
// links them, and maps host addresses back to guest state.
//
// It does not run code (vcpu), decide what happens at exits (sched) or know the tools' meaning of annotations.
//
// A fragment is the copy of a trace: guest code from an entry on, through calls (their returns come back into the trace) and
// conditional branches, to the first unconditional transfer or a limit. Between guest instructions every register, flag and
// vector of the guest is in its own place in the processor, so any instruction start is a point where a thread can be
// interrupted with exact state. Fragments contain no polls: an interrupted thread is stepped to the next such point.
//
// Returns keep the processor's return predictor paired: a call pushes the host's return address, overwrites it with the
// guest's, and notes the host's in the thread's return plane; a return takes it from there and the landing compares the guest
// address just popped (DESIGN.md, "Why a return plane?").
//
// Concurrency: translation, linking and discarding hold mu. Generated code reads the indirect tables and jump fields without a
// lock; they change by single aligned stores. Lock order: a Translator's mu is taken after no other lock of core and holds none.
package jit

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// Limits of a trace, by measurement (DESIGN.md, "Why traces?").
const (
	maxInsts    = 96
	maxBranches = 12
)

// ErrFetch says that there is no executable code at an address.
var ErrFetch = errors.New("no executable code")

// Config says what a translator works with.
type Config struct {
	// Cache is the memory for code and tables, mapped readable, writable and executable, all zero.
	Cache guest.Range
	// Limit bounds the code in the cache, in bytes; 0 is as much as fits. A full cache is emptied.
	Limit int
	// Fetch returns guest code from pc to the end of its mapping, or nothing when pc is not executable.
	Fetch func(pc guest.Addr) []byte
	// Tool annotates; nil for none.
	Tool tool.Tool
	// Caches are the models of OpDataMiss and OpCodeMiss, empty if these are not used.
	Caches tool.Caches
	// Clock has words that executed instructions are added to, any one for each, or none. Some may be lost when threads run in parallel,
	// or where a thread is interrupted.
	Clock tool.Counters
	// DirtyClock is Clock for dirty code, none if that is the same. Where threads change between the two, a few instructions count for
	// the other one.
	DirtyClock tool.Counters
	// Scalar says that they are searched without AVX-512, as where the processor has none.
	Scalar bool
	// Shadow says that GS is the shadow distance; otherwise GS is the guest's own FS base.
	Shadow bool
	// Hook returns the number of the hook at pc, and whether there is one. nil for none.
	Hook func(pc guest.Addr) (int, bool)
	// Plain says that hook n is for a function with integer arguments and result. nil: none is.
	Plain func(n int) bool
	// Redirect returns the guest code that stands in for what is at pc, and whether there is some. nil for none.
	Redirect func(pc guest.Addr) (guest.Addr, bool)
	// Trusted is guest code of the tool's own: there an access with a gs prefix is to the shadow of its operand, one with a ds
	// prefix has been looked at. Tools see neither (package strmem).
	Trusted guest.Range
	// Translated is told, with mu held, which guest code a new fragment is a copy of.
	Translated func(r guest.Range)
	// Verify says that the code at pc may change without a fault, so that fragments made from it compare it with what it was
	// each time they are entered. nil: none does.
	Verify func(pc guest.Addr) bool
	// Stable says that the code at pc will not change before all translations are discarded. nil: all code is stable.
	Stable func(pc guest.Addr) bool
	// Steps says that an instruction whose check has failed is stepped if CheckAt says so, and that what follows is looked up.
	Steps bool
	// Moves says that V bits of bytes that are only moved are moved by dirty code itself.
	Moves bool
	// Tags says that tags of undefined bytes go with them (tool.Exact).
	Tags bool
	// KeepAll says that no register is dropped because nobody will read it, for tests.
	KeepAll bool
	// Warn prints one line about something that is approximated.
	Warn func(format string, args ...any)
	// StackSwitch is the largest change of the stack pointer, in bytes, that releases memory: a larger one changes stacks. 0 is 2 MB.
	StackSwitch uint32
	// Timed says that Stats.Time is wanted.
	Timed bool
	// Trace prints a fragment when not nil.
	Trace func(pc guest.Addr, guestCode []Line)
}

// Line is one guest instruction and its host code, for --trace-flags.
type Line struct {
	PC   guest.Addr
	Code []byte
	Host []byte
	At   uint64 // host address of Host
}

// Translator owns the code cache of a process.
type Translator struct {
	cfg   Config
	mu    sync.Mutex
	base  uint64
	hot   asm // fragments
	cold  asm // out-of-line code; same buffer
	arena *arena
	tables

	codeStart, coldStart int
	missIB               int // shared routine: rcx = guest target, rcx and rdx spilled
	missRet              int // shared routine: guest target is just below the stack pointer
	dirtyIB, dirtyMiss   int // shared routine: see emitDirtyLookup
	misses               missRoutines
	codeKeys             map[uint64]uint32 // tags of code lines by number
	stores               [4]int            // shared routines: see emitStores
	reps                 [8]repRoutine     // shared routines: see lowerRep
	moveStack            int               // shared routine: see emitMoveStack
	partlyAt             int               // shared routine: see emitPartly
	moveStore, moveEnd   int               // its store, and where it goes on without it
	moveWide             [3]int            // where its wide stores begin and end, and where it goes on without them
	moveLeave            int               // where it goes on for MovingStack
	exitStub, hookStub   int               // host offsets of vcpu's stubs
	generation           uint64
	epoch                atomic.Uint64 // see Epoch
	stats                Stats
	l2Used, dirtyUsed    int

	// Working state of the translation under way.
	tr     trace
	block  tool.Block
	lead   uint32       // callSite whose second half is to be in front of the fragment, index+1; 0 for none, or when it has been made
	limit  int          // instructions of the trace at most
	once   bool         // for Once
	ver    uint32       // version being made
	now    uint32       // the set of dirty registers where code is being emitted, in dirty code
	sets   []tool.Dirty // by version
	setIDs map[tool.Dirty]uint32
	annAt  int // next annotation to lower
	frame  frame
	passed passed
	behind afterOp
	rep    int        // index of the cold stub of lowerRep for the instruction at hand, -1 for none
	events []tool.Ann // of the instruction, in front of it and behind it
	later  []tool.Ann
	grouping
	units     []missUnit
	parts     []missPart
	unitAt    int  // next one to emit
	wholes    bool // the tool asks for OpWhole
	counts    bool // there is code that counts or makes events
	shared    bool // counters are shared by threads that run at the same time
	clockTurn int  // which word of the clock has been added to last
	acc       []amd64.Access
	enc       [32]byte
	scan      inst // for scanFlags

	placeTag uint32 // of the move that is being made, see Moving

	outlooks
	ahead     [1 << 13]foreseenFlags
	keepFlags bool            // returns keep flags: see liveness
	resuming  map[uint64]bool // addresses of returns: see resumes
}

// Stats counts what a translator did.
type Stats struct {
	Fragments, Insts, GuestBytes, HostBytes, Flushes uint64
	// Middles is how many entries fragments have behind their start.
	Middles uint64
	// Time is the processor time that translation took, 0 if Config.Timed does not ask for it.
	Time time.Duration
}

// addTime adds the time since start to the statistics.
func (t *Translator) addTime(start time.Duration) { t.stats.Time += threadTime() - start }

// threadTime is the processor time of the calling thread.
func threadTime() time.Duration {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now) != nil {
		return 0
	}
	return time.Duration(now.Nano())
}

// New makes a translator with an empty cache.
func New(cfg Config) (*Translator, error) {
	n := int(cfg.Cache.Len())
	if cfg.Limit > 0 {
		n = min(n, codeOff+max(cfg.Limit, 4*maxFragment))
	}
	if n < codeOff+4*maxFragment {
		return nil, fmt.Errorf("jit: code cache of %d bytes is too small", n)
	}
	if cfg.StackSwitch == 0 {
		cfg.StackSwitch = stackSwitch
	}
	t := &Translator{cfg: cfg, base: uint64(cfg.Cache.Start), limit: maxInsts, rep: -1}
	buf := guest.Bytes(cfg.Cache.Start, n)
	wantHuge(buf[:hugePage])
	t.arena = newArena(buf[arenaOff:hugePage])
	runtime.AddCleanup(t, (*arena).unmap, t.arena)
	t.hot = asm{buf: buf, base: t.base, pos: codeOff}
	t.cold = asm{buf: buf, base: t.base}
	t.exitStub = int(int64(vcpu.ExitStub()) - int64(t.base))
	t.hookStub = int(int64(vcpu.HookStub()) - int64(t.base))
	t.emitShared()
	t.codeStart = (t.hot.pos + 63) &^ 63
	t.coldStart = t.codeStart + (n-t.codeStart)/coldFrac
	t.resetTables()
	t.fillL1()
	return t, nil
}

// Stats returns the counts so far.
func (t *Translator) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.stats
	s.HostBytes = uint64(t.hot.pos - t.codeStart + t.cold.pos - t.coldStart)
	return s
}

// ErrFull says that the cache has no room; all guest threads must leave it before Flush.
var ErrFull = errors.New("code cache is full")

// Flush empties the cache. No thread may be in translated code or hold a host address of it; return planes must be cleared.
func (t *Translator) Flush() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.generation++
	t.epoch.Add(1)
	t.stats.Flushes++
	t.clearL2()
	t.resetTables()
	t.fillL1()
}

// lookup returns the fragment at pc, translating it when there is none. mu is held.
func (t *Translator) lookup(pc uint64, indirect bool) (uint32, error) {
	if f, ok := t.known(pc, verFast); ok && !(indirect && t.frags.at(f).isMiddle()) {
		return f, nil
	}
	if t.full() {
		return 0, ErrFull
	}
	return t.translate(pc, indirect)
}

// Caches are the models of caches that translated code works on.
func (t *Translator) Caches() tool.Caches { return t.cfg.Caches }
