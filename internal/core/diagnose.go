package core

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/sched"
	"gogrind/internal/debuginfo"
	"gogrind/internal/options"
)

// debug writes a line about ourselves if -d was given at least level times. These lines do not go to the log, which may not be
// open yet.
func (p *Process) debug(level int, part, format string, args ...any) {
	if p.opt.DebugLevel >= level {
		fmt.Fprintf(os.Stderr, "--%d:%d:%8s %s\n", os.Getpid(), level, part, fmt.Sprintf(format, args...))
	}
}

// chaosSeed is $GOGRIND_CHAOS, the seed of disturbances in tests; 0: none.
func chaosSeed() uint64 {
	seed, _ := strconv.ParseUint(os.Getenv("GOGRIND_CHAOS"), 10, 64)
	return seed
}

// chaosCache is the size of the code cache under chaos: with some seeds so small that it is full all the time.
func chaosCache(seed uint64) int { return 300_000 + int(seed%4)*500_000 }

// schedulerTraces are where --trace-signals=yes and --trace-sched=yes go, nil without them.
func (p *Process) schedulerTraces() (signals, sched func(string)) {
	line := func(s string) { p.log.Debugf("%s", s) }
	if p.opt.TraceSignals {
		signals = line
	}
	if p.opt.TraceSched {
		sched = line
	}
	return signals, sched
}

// schedulerOptions adds to cfg what is asked for by options.
func (p *Process) schedulerOptions(cfg *sched.Config) {
	cfg.TraceSignals, cfg.TraceSched = p.schedulerTraces()
	cfg.Chaos = chaosSeed()
	cfg.MaxThreads = p.opt.MaxThreads
	cfg.TooManyThreads = func(*sched.Thread) {
		p.log.Raw("Use --max-threads=INT to specify a larger number of threads\nand rerun valgrind\n")
	}
	if p.opt.ShowEmwarns {
		shown := &sync.Map{}
		cfg.Unusual = func(t *sched.Thread, what string) {
			if _, old := shown.LoadOrStore(what, true); old {
				return
			}
			p.report.Message(t.ID(), "Emulation warning: unsupported action:\n  "+what, p.callers(t))
		}
	}
	if p.opt.SimHints.Has(options.HintNoStackCache) {
		var once sync.Once
		cfg.Cloned = func(*sched.Thread) { once.Do(p.noStackCache) }
	}
}

// noStackCache makes glibc give memory of ended threads back at once: it keeps stacks up to a size that is in a variable of its
// own, whose name only debug information tells.
func (p *Process) noStackCache() {
	for _, obj := range p.symbols.Snapshot().Objects() {
		obj.Symbols(func(s debuginfo.Symbol) bool {
			if s.Name != "__nptl_stack_cache_maxsize" && s.Name != "stack_cache_maxsize" || s.Size != 8 {
				return true
			}
			p.space.WriteMem(make([]byte, s.Size), s.Addr)
			p.debug(1, "main", "%s of %s is 0", s.Name, obj.Path)
			return false
		})
	}
}

// progress writes a line once in so much processor time of the process.
func (p *Process) progress(every time.Duration) {
	const look = 100 * time.Millisecond // how exact the intervals are
	start := time.Now()
	for next := every; ; {
		time.Sleep(look)
		var use unix.Rusage
		if unix.Getrusage(unix.RUSAGE_SELF, &use) != nil {
			return
		}
		user := time.Duration(use.Utime.Nano())
		if user < next {
			continue
		}
		for next <= user {
			next += every
		}
		wall := max(time.Since(start), time.Millisecond)
		s := p.trans.Stats()
		p.log.Debugf("PROGRESS: U %s, W %s, %.1f%% CPU, TIn %.1fk, flushes %d, #thr %d", seconds(user), seconds(wall),
			100*float64(user)/float64(wall), float64(s.Fragments)/1000, s.Flushes, p.sched.CountThreads())
	}
}

// seconds writes a time in the unit that suits it.
func seconds(d time.Duration) string {
	s := int(d.Seconds())
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	}
	return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
}
