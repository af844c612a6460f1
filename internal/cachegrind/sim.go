package cachegrind

import (
	"sync"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// machine is what is simulated: one processor, whatever the number of threads.
type machine struct {
	models    tool.Caches // empty without --cache-sim; translated code works on them
	dataLimit int         // larger accesses are taken for this size, so that they touch two lines at most

	sites []site // guarded by Cachegrind.mu

	mu       sync.Mutex        // guards all below
	branches *predictor        // nil without --branch-sim
	costs    []cost            // by index of runs.lens
	times    map[uint32]uint64 // accesses made at sites that have their own count
	rounds   map[uint32]uint64 // as runs.rounds
	threads  map[int]*thread   // by thread number
}

// site is a place where translated code makes event records or counts misses.
type site struct {
	run   uint32
	cost  uint32 // index in costs of its instruction
	miss  uint32 // number of its counters in runs.misses: of first-level and last-level misses; 0 for none
	size  uint16 // of the access
	kind  siteKind
	elem  uint8 // size of the elements that are accesses, 0 when the whole is one
	next  bool  // control leaves by an indirect jump or call behind it
	twice bool  // the access is a read, and then a read and write that can't be divided
	own   bool  // the accesses are not as many as executions of the run, but machine.times
}

type siteKind uint8

const (
	siteNone     siteKind = iota // the start of a run, or the end of one
	siteFetch                    // of an instruction that may touch another line than the one before it
	siteRead                     // also of what is read and written: the write can't miss then
	siteWrite                    //
	siteBranch                   // a conditional branch, perhaps taken
	siteNotTaken                 // and it was not
	siteRounds                   // behind a repeated instruction
	siteRepRead                  // the accesses of its first round
	siteRepWrite
)

// cost is what an instruction cost beside the counts of its sites.
type cost struct {
	d1r, dlr, d1w, dlw uint64 // of repeated instructions
	bc, bcm, bi, bim   uint64
}

// thread is what has to be kept between the events of a thread.
type thread struct {
	pending uint32    // site of a branch or jump whose outcome the next record tells, 0 for none
	rep     [2]uint32 // sites of the accesses of a repeated instruction
	nRep    int
}

// newMachine makes a machine with these caches, perhaps none.
func newMachine(models tool.Caches) *machine {
	m := &machine{models: models, sites: make([]site, 1), times: map[uint32]uint64{}, rounds: map[uint32]uint64{}, threads: map[int]*thread{}}
	if models.Data != nil {
		m.dataLimit = models.Data.Limit
	}
	return m
}

// models are those of the caches.
func (g *geometry) models() tool.Caches {
	model := func(c cacheConfig) *tool.Cache {
		return &tool.Cache{Line: c.line, Sets: c.size / c.line / c.assoc, Ways: c.assoc, Limit: min(g.i1.line, g.d1.line, g.ll.line)}
	}
	return tool.Caches{Data: model(g.d1), Code: model(g.i1), Last: model(g.ll)}
}

// noLine is the number of no line.
const noLine = ^uint64(0)

// observe asks for the records of run k, instructions [from, to] of b. Control that comes to it has executed code of the given line
// last, noLine if that isn't known. mu is held. It returns the line of its last instruction.
func (c *Cachegrind) observe(b *tool.Block, from, to int, k uint32, isNew bool, line uint64) uint64 {
	m := c.sim
	u := &c.runs.all[k]
	if isNew {
		u.sites = uint32(len(m.sites))
	}
	at := u.sites
	place := func(i int, s site) int64 {
		if isNew {
			s.run, s.cost = k, u.first+uint32(i-from)
			if s.miss != 0 {
				s.miss = c.runs.misses.next(c.host)
			}
			m.sites = append(m.sites, s)
		}
		at++
		return int64(at - 1)
	}
	ask := func(i int, op tool.Op, s site) {
		b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: op, Arg: place(i, s)})
	}
	before := noLine // line of the instruction before, when that one is in this run
	fetch := func(i int, in *tool.Inst) {
		lineOf := func(pc guest.Addr) uint64 { return uint64(pc) / uint64(m.models.Code.Line) }
		first, last := lineOf(in.PC), lineOf(in.PC+guest.Addr(in.Len)-1)
		if first != before || last != before {
			n := place(i, site{kind: siteFetch, miss: counted})
			if first != line || last != line {
				b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpCodeMiss, Ptr: c.missCounters(n), Same: first == line})
			}
		}
		before, line = last, last
	}
	cheap := b.Cheapest(from, to)
	b.Anns = append(b.Anns, tool.Ann{Inst: from, Op: tool.OpWhole})
	for i := from; i <= to; i++ {
		in := &b.Insts[i]
		if i == from && m.branches != nil {
			ask(i, tool.OpEvent, site{})
		}
		if i == cheap {
			b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpCount, Arg: 1, Ptr: c.counter(k)})
		}
		if m.models.Data != nil {
			fetch(i, in)
		}
		rep := in.Repeats()
		if m.models.Data != nil || rep {
			for j := range in.Mem {
				s := m.access(in, j, rep)
				if !rep {
					s.miss = counted
				}
				n := place(i, s)
				if s.own {
					b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpEventAddr, Mem: j, Arg: n})
				}
				if !rep {
					b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpDataMiss, Mem: j, Ptr: c.missCounters(n)})
				}
			}
		}
		switch {
		case rep:
			ask(i, tool.OpEventRounds, site{kind: siteRounds})
		case i < to || m.branches == nil:
		case conditional(in):
			ask(i, tool.OpEvent, site{kind: siteBranch})
			b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpEvent, Behind: true, Arg: place(i, site{kind: siteNotTaken})})
		case indirect(in):
			ask(i, tool.OpEvent, site{next: true})
		}
	}
	return line
}

// counted as number of a site's counters asks for some.
const counted = ^uint32(0)

// missCounters is the address of the counters of site n.
func (c *Cachegrind) missCounters(n int64) guest.Addr { return c.runs.misses.addr(c.sim.sites[n].miss) }

// byElement reports whether the elements of access a are accesses: of gathers and scatters, and of AVX's masked moves. Of AVX-512's
// masked instructions, which Valgrind does not have, an access counts as one.
func byElement(in *tool.Inst, a *amd64.Access) bool {
	return a.Addr == amd64.AddrVSIB || in.Row != nil && in.Row.Sem == isa.VMaskmov && a.Addr == amd64.AddrModRM
}

// repeated reports whether s is an access of a repeated instruction.
func (s *site) repeated() bool { return s.kind == siteRepRead || s.kind == siteRepWrite }

// access describes the site of access j of in.
func (m *machine) access(in *tool.Inst, j int, rep bool) site {
	a := &in.Mem[j]
	s := site{kind: siteRead, size: uint16(min(int(a.Size), m.dataLimit))}
	if a.Size == 0 {
		s.size = uint16(m.dataLimit)
	}
	if a.Kind == isa.Store {
		s.kind = siteWrite
	}
	s.own = rep
	if byElement(in, a) {
		s.own, s.elem = true, a.Elem
	}
	if rep {
		s.kind += siteRepRead - siteRead
	}
	// Valgrind performs a locked instruction, and xchg, as a read, the computation, and a compare-and-swap.
	s.twice = a.Kind == isa.Modify && (in.Pfx&amd64.PfxLock != 0 || in.Row.Sem == isa.Xchg)
	return s
}

func conditional(in *tool.Inst) bool { return in.Row != nil && in.Row.Sem == isa.CtlJcc }

// indirect reports whether in is a jump or call to an address from a register or memory. Returns are not: they are taken to be
// predicted always.
func indirect(in *tool.Inst) bool {
	if in.Row == nil {
		return false
	}
	_, direct := target(in)
	return !direct && (in.Row.Sem == isa.CtlJmp || in.Row.Sem == isa.CtlCall)
}
