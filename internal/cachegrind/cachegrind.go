// Package cachegrind is the tool that counts instructions, and on request simulates caches and branch prediction, for each
// source line of a program.
//
// Guest code is cut into runs: pieces that control enters at the start only and leaves at the end only. Counting costs one
// addition per run; what a run's count means for lines is worked out at the end, from the addresses of its instructions. The
// simulations consume the event buffers of the threads.
//
// It does not show results by function: cg_annotate does that from the file written at the end (package cgfile).
//
// What is not exact: a run counts as a whole, also when one of its instructions faults or a signal handler of the guest comes
// in between, and what is left of it is counted again. Of branches, Valgrind leaves out those that its translator finds to be
// decided, such as the look for a count of zero at a repeated instruction behind the load of a constant; here they count.
// Gathers and AVX's masked moves count by element; Valgrind 3.19 does not see gathers at all. Another access under a mask counts once,
// and misses by all of its operand, whatever the mask.
// Backward string instructions (direction flag set) are simulated as forward ones. Threads that run in parallel add to the same
// counters without losing counts; the simulation sees their accesses in batches, one thread after the other.
//
// Translated code works on the models of caches itself (tool.Caches) and counts what is missing; branch prediction is simulated in
// batches of records, on a goroutine of its own.
//
// Locking: Cachegrind.mu guards runs and results, machine.mu, which is taken after it, what the simulation changes. No other package
// is called with one held but for names.
package cachegrind

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"gogrind/internal/cgfile"
	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/options"
	"gogrind/internal/report"
	"gogrind/internal/tool"
)

// Cachegrind is the tool.
type Cachegrind struct {
	opts    settings
	models  tool.Caches      // empty without --cache-sim
	core    *options.Core    // immutable from Start on, as the next ones
	report  *report.Reporter //
	host    tool.Host        //
	symbols namer            //
	command []string         // the program and its arguments
	dir     string           // working directory at start: the guest changes ours
	early   []string         // files written before exec, which only stay if that succeeds
	desc    []string         // the description of the caches in the result
	events  []string

	queue   chan batch        // to the simulation; nil when nothing is simulated
	spare   chan []tool.Event // buffers to use again
	waiting sync.WaitGroup    // batches that were not simulated yet

	inbox     sync.Mutex           // guards collected; taken before mu
	collected map[int][]tool.Event // by thread number: too few for a batch so far

	mu      sync.Mutex // guards all below
	runs    runs
	sim     *machine        // nil when nothing is simulated; its own lock guards most of it
	places  *places         // what is counted for good
	profile *cgfile.Profile // the result
	on      bool            // counting: --instr-at-start, client requests
	started time.Time
}

// namer is what the tool asks debug information for.
type namer interface {
	FramesRange(pc guest.Addr, buf []debuginfo.Frame) (frames []debuginfo.Frame, end guest.Addr)
}

var (
	_ tool.Tool           = (*Cachegrind)(nil)
	_ tool.MemoryWatcher  = (*Cachegrind)(nil)
	_ tool.Requester      = (*Cachegrind)(nil)
	_ tool.CacheSimulator = (*Cachegrind)(nil)
	_ tool.EventWatcher   = (*Cachegrind)(nil)
	_ tool.ExecWatcher    = (*Cachegrind)(nil)
	_ tool.ForkWatcher    = (*Cachegrind)(nil)
)

// everything is all of the address space.
var everything = guest.Range{End: ^guest.Addr(0)}

// New returns the tool.
func New() *Cachegrind { return &Cachegrind{collected: map[int][]tool.Event{}} }

// Info implements tool.Tool.
func (*Cachegrind) Info() tool.Info {
	return tool.Info{
		Name:        "cachegrind",
		Title:       "Cachegrind, a high-precision tracing profiler",
		Description: "counts instructions and simulates caches and branch prediction, by source line",
	}
}

// Start implements tool.Tool.
func (c *Cachegrind) Start(h tool.Host) error {
	c.host = h
	var ok bool
	if c.core, ok = h.Options().(*options.Core); !ok {
		return errors.New("cachegrind: the host has no core options")
	}
	if c.report, ok = h.Report().(*report.Reporter); !ok {
		return errors.New("cachegrind: the host has no reporter")
	}
	if c.symbols, ok = h.Symbols().(namer); !ok {
		return errors.New("cachegrind: the host has no symbols")
	}
	_, cmd, err := options.Parse(os.Args[1:], os.Environ(), c.Info().Name, New().Flags)
	if err != nil {
		return fmt.Errorf("cachegrind: %w", err)
	}
	c.command = cmd.Args
	c.dir, _ = os.Getwd() // without one, relative names stay relative
	if _, err := c.outName(); err != nil {
		return err
	}
	c.runs.init(h)
	events := []string{"Ir"}
	if c.opts.cacheSim {
		geo, notes := c.opts.geometry()
		for _, n := range notes {
			c.report.Log().Debugf("%s", n)
		}
		c.desc = geo.describe()
		events = append(events, "I1mr", "ILmr", "Dr", "D1mr", "DLmr", "Dw", "D1mw", "DLmw")
		c.sim = newMachine(c.models)
	}
	if c.opts.branchSim {
		events = append(events, "Bc", "Bcm", "Bi", "Bim")
		if c.sim == nil {
			c.sim = newMachine(tool.Caches{})
		}
		c.sim.branches = &predictor{}
	}
	c.places = newPlaces(c.symbols, len(events))
	c.events = events
	if c.sim != nil {
		c.queue, c.spare = make(chan batch, batches), make(chan []tool.Event, batches)
		go c.simulate()
	}
	c.on = c.opts.atStart
	c.started = time.Now()
	return nil
}

// Caches implements tool.CacheSimulator.
func (c *Cachegrind) Caches() tool.Caches {
	if c.opts.cacheSim {
		geo, _ := c.opts.geometry()
		c.models = geo.models()
	}
	return c.models
}

// Client requests of cachegrind.h.
const (
	toolBase = uint32('C')<<24 | uint32('G')<<16
	reqStart = toolBase
	reqStop  = toolBase + 1
)

// Request implements tool.Requester.
func (c *Cachegrind) Request(t tool.Thread, code uint32, args [5]uint64) (result uint64, handled bool) {
	switch code {
	case reqStart:
		c.counting(true)
	case reqStop:
		c.counting(false)
	default:
		return 0, false
	}
	return 0, true
}

// counting turns counting on or off. Translated code counts all the time: what it counted while counting was off is thrown away.
func (c *Cachegrind) counting(on bool) {
	c.drain()
	c.mu.Lock()
	defer c.mu.Unlock()
	if on == c.on {
		return
	}
	c.settle(everything)
	c.on = on
}

// Mapped, Protected and Moved implement tool.MemoryWatcher.
func (c *Cachegrind) Mapped(tool.Mapping)               {}
func (c *Cachegrind) Protected(guest.Range, guest.Prot) {}

// Moved implements tool.MemoryWatcher.
func (c *Cachegrind) Moved(from, to guest.Range) {
	c.Unmapped(from)
	c.Unmapped(to)
}

// Unmapped implements tool.MemoryWatcher: what was counted for code that goes away gets its names while they are known.
func (c *Cachegrind) Unmapped(r guest.Range) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.places == nil || !c.runs.touches(r) {
		return
	}
	c.mu.Unlock()
	c.drain()
	c.mu.Lock()
	c.settle(r)
	c.places.unmapped(r)
}

// Forking implements tool.ForkWatcher: the debug information of the code that has run is read once here, instead of in each child.
func (c *Cachegrind) Forking(tool.Thread) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(everything)
}

// Finish implements tool.Tool.
func (c *Cachegrind) Finish(tool.Exit) (status int, replace bool) {
	for _, name := range c.early {
		os.Remove(name) // exec has failed
	}
	c.conclude("")
	return 0, false
}

// Execing implements tool.ExecWatcher. The result of a program that runs under the tool afterwards has the same name, so that a
// number is put behind it here.
func (c *Cachegrind) Execing(traced bool) {
	suffix := ""
	if name, err := c.outName(); traced && err == nil {
		for n := 1; ; n++ {
			suffix = fmt.Sprintf(".%d", n)
			if _, err := os.Lstat(name + suffix); err != nil {
				break
			}
		}
	}
	c.conclude(suffix)
}

// conclude writes the results, to files with suffix behind their names.
func (c *Cachegrind) conclude(suffix string) {
	c.drain()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sim != nil {
		c.sim.flushThreads(&c.runs)
	}
	c.settle(everything)
	c.profile = c.places.profile(c.events, c.core.ShowBelowMain)
	c.profile.Desc = c.desc
	c.profile.Cmd = strings.Join(c.command, " ")
	name, err := c.write(suffix)
	if c.core.Verbosity > 0 {
		c.summary()
	}
	if err != nil {
		return
	}
	pprof := c.writePprof(name, suffix)
	if suffix != "" {
		c.early = append(c.early, name)
		if pprof != "" {
			c.early = append(c.early, pprof)
		}
	}
	if c.core.Verbosity > 0 && c.opts.hint {
		text := "\nTo see the result: cg_annotate " + name
		if pprof != "" {
			text += "\n               or: go tool pprof -http=: " + pprof
		}
		c.report.Log().Userf("%s", text)
	}
}
