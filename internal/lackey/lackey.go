// Package lackey is the tool that counts and prints what a program does, instruction by instruction. It is the example of how
// a tool is made: counters in translated code, and event buffers for what needs an address or an order.
//
// What it counts is what the processor is told to do: guest instructions, conditional branches, accesses and operations. Where
// Valgrind's tool of this name counts pieces of its own translation, the numbers differ by nature:
//
//   - A superblock is a trace of the translator: it goes on behind calls and branches that are not taken.
//   - An "IR statement" is one of: an instruction, a register it writes, flags it writes, an access to memory.
//   - An ALU operation is an arithmetic or logic instruction, by the size of its result; I1 are conditions evaluated.
//   - Jccs are conditional jump instructions of the program, loop and jrcxz included; the rounds of repeated string instructions
//     are none.
//   - A locked instruction loads once, not twice. Accesses of 64 bytes have a line of their own, V512.
//
// A string instruction with a repeat prefix counts as in Valgrind: each round is an instruction, and so is finding out that there
// is none left.
//
// The exit code is the program's; Valgrind prints 0 whatever it is. Addresses that masked accesses leave out are not traced.
//
// Locking: mu guards the sites and the threads' unfinished string instructions. Instrument is called by one thread at a time.
package lackey

import (
	"errors"
	"flag"
	"sync"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/options"
	"gogrind/internal/report"
	"gogrind/internal/tool"
)

// settings are the values of the tool's options.
type settings struct {
	basic, detailed, traceMem, traceBlocks bool
	function                               string
}

// Lackey is the tool.
type Lackey struct {
	opts     settings
	core     *options.Core                             // immutable from Start on
	log      *report.Log                               // immutable from Start on
	symbols  *debuginfo.Space                          // immutable from Start on
	counters tool.Counters                             // immutable from Start on
	entries  map[*debuginfo.Object]map[guest.Addr]bool // where the function starts; Instrument only
	pending  [numCounters]int64                        // of the instruction at hand; Instrument only

	mu     sync.Mutex
	sites  []site
	known  map[site]uint32
	rounds map[int]*stringOp // by thread number
	line   []byte            // buffer of the trace
	// lateCounts are what records add to the counters.
	lateCounts [numCounters]uint64
}

var (
	_ tool.Tool         = (*Lackey)(nil)
	_ tool.EventWatcher = (*Lackey)(nil)
)

// New returns the tool.
func New() *Lackey {
	return &Lackey{entries: map[*debuginfo.Object]map[guest.Addr]bool{}, known: map[site]uint32{}, rounds: map[int]*stringOp{}}
}

// Info implements tool.Tool.
func (*Lackey) Info() tool.Info {
	return tool.Info{
		Name:        "lackey",
		Title:       "Lackey, an example Valgrind tool",
		Description: "counts instructions and traces accesses to memory",
	}
}

// Flags implements tool.Tool.
func (l *Lackey) Flags(fs *flag.FlagSet) {
	o := &l.opts
	options.YesNo(fs, &o.basic, "basic-counts", true, "count instructions, jumps and calls")
	options.YesNo(fs, &o.detailed, "detailed-counts", false, "count loads, stores and ALU operations by type")
	options.YesNo(fs, &o.traceMem, "trace-mem", false, "print every access to memory")
	options.YesNo(fs, &o.traceBlocks, "trace-superblocks", false, "print the start of every superblock that is run")
	options.String(fs, &o.function, "fnname", "main", "<name>", "function whose calls --basic-counts=yes counts")
}

// Start implements tool.Tool.
func (l *Lackey) Start(h tool.Host) error {
	var ok bool
	if l.core, ok = h.Options().(*options.Core); !ok {
		return errors.New("lackey: the host has no core options")
	}
	rep, ok := h.Report().(*report.Reporter)
	if !ok {
		return errors.New("lackey: the host has no reporter")
	}
	l.log = rep.Log()
	if l.symbols, ok = h.Symbols().(*debuginfo.Space); !ok {
		return errors.New("lackey: the host has no symbols")
	}
	l.counters = h.Counters(numCounters)
	return nil
}

// isEntry reports whether the function whose calls are counted starts at pc.
func (l *Lackey) isEntry(pc guest.Addr) bool {
	obj := l.symbols.Object(pc)
	if obj == nil {
		return false
	}
	at, ok := l.entries[obj]
	if !ok {
		obj.Symbols(func(s debuginfo.Symbol) bool {
			if s.Type != debuginfo.Data && s.Type != debuginfo.TLS && (s.Name == l.opts.function || l.core.Demangle && debuginfo.Demangle(s.Name) == l.opts.function) {
				if at == nil {
					at = map[guest.Addr]bool{}
				}
				at[s.Addr] = true
			}
			return true
		})
		l.entries[obj] = at
	}
	return at[pc]
}
