package cachegrind

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// machine is what is simulated: one processor, whatever the number of threads.
type machine struct {
	i1, d1, ll *cache     // nil without --cache-sim
	branches   *predictor // nil without --branch-sim
	lastLine   uint64     // that the last instruction was fetched from, plus one
	dataLimit  int        // larger accesses are taken for this size, so that they touch two lines at most

	sites   []site
	times   map[uint32]uint64 // accesses made at sites that have their own count
	fetches []fetch
	costs   []cost // by index of runs.lens
}

// site is a place where translated code makes event records. It is small, as those of a hot loop are read all the time.
type site struct {
	run   uint32
	cost  uint32    // index in costs of its instruction
	fetch [2]uint32 // range of fetches that come before the record
	size  uint16    // of the access
	kind  siteKind
	next  bool // control leaves by an indirect jump or call behind it
	twice bool // the access is a read, and then a read and write that can't be divided
	own   bool // the accesses are not as many as executions of the run, but machine.times
}

type siteKind uint8

const (
	siteNone     siteKind = iota // the end of a run
	siteRead                     // also of what is read and written: the write can't miss then
	siteWrite                    //
	siteBranch                   // a conditional branch, perhaps taken
	siteNotTaken                 // and it was not
	siteRounds                   // behind a repeated instruction
	siteRepRead                  // the accesses of its first round
	siteRepWrite
)

// fetch is the fetch of an instruction that may touch another line than the one before it.
type fetch struct {
	line   uint64 // number of its last line, plus one
	pc     uint64
	cost   uint32
	len    uint8
	single bool // it lies in one line
}

// cost is what an instruction cost beside the counts of its sites.
type cost struct {
	i1, il, d1r, dlr, d1w, dlw uint64
	bc, bcm, bi, bim           uint64
}

// thread is what has to be kept between the events of a thread.
type thread struct {
	pending uint32 // site of a branch or jump whose outcome the next record tells, 0 for none
	rep     [2]repAccess
	nRep    int
}

type repAccess struct {
	addr uint64
	site uint32
}

// newMachine makes a machine with empty caches; without geometry it has none.
func newMachine(g *geometry) *machine {
	m := &machine{sites: make([]site, 1), times: map[uint32]uint64{}, dataLimit: 1 << 16}
	if g != nil {
		m.i1, m.d1, m.ll = newCache(g.i1), newCache(g.d1), newCache(g.ll)
		m.dataLimit = min(g.i1.line, g.d1.line, g.ll.line)
	}
	return m
}

// observe asks for the records of run k, instructions [from, to] of b. mu is held.
func (c *Cachegrind) observe(b *tool.Block, from, to int, k uint32, isNew bool) {
	m := c.sim
	u := &c.runs.all[k]
	if isNew {
		u.sites = uint32(len(m.sites))
		for len(m.costs) < len(c.runs.lens) {
			m.costs = append(m.costs, cost{})
		}
	}
	at := u.sites
	done := 0 // first instruction of the run whose fetch no record stands for yet
	place := func(i int, ann tool.Ann, s site) {
		before := s.kind != siteNotTaken && s.kind != siteRounds
		if isNew {
			s.run, s.cost = k, u.first+uint32(i-from)
			if before {
				s.fetch = m.addFetches(&c.runs, k, done, i-from)
			}
			m.sites = append(m.sites, s)
		}
		if before {
			done = i - from + 1
		}
		ann.Inst, ann.Arg = i, int64(at)
		at++
		b.Anns = append(b.Anns, ann)
	}
	counted := cheapest(b, from, to)
	for i := from; i <= to; i++ {
		if i == counted {
			b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpCount, Arg: 1, Ptr: c.counter(k)})
		}
		in := &b.Insts[i]
		rep := in.Repeats()
		if m.i1 != nil && !rep && masked(in) {
			// Any number of records, also none: they can't stand for the fetch.
			place(i, tool.Ann{Op: tool.OpEvent}, site{})
		}
		if m.i1 != nil || rep {
			for j := range in.Mem {
				place(i, tool.Ann{Op: tool.OpEventAddr, Mem: j}, m.access(in, j, rep))
			}
		}
		if rep {
			place(i, tool.Ann{Op: tool.OpEventRounds}, site{kind: siteRounds})
			continue
		}
		if i < to {
			continue
		}
		switch {
		case m.branches != nil && conditional(in):
			place(i, tool.Ann{Op: tool.OpEvent}, site{kind: siteBranch})
			place(i, tool.Ann{Op: tool.OpEvent, Behind: true}, site{kind: siteNotTaken})
		case m.branches != nil && indirect(in):
			place(i, tool.Ann{Op: tool.OpEvent}, site{next: true})
		case m.branches != nil && done == 0, m.touchesLine(&c.runs, k, done, i-from):
			place(i, tool.Ann{Op: tool.OpEvent}, site{})
		}
	}
}

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
	s.own = rep || a.Elem != 0
	if rep {
		s.kind += siteRepRead - siteRead
	}
	// Valgrind performs a locked instruction, and xchg, as a read, the computation, and a compare-and-swap.
	s.twice = a.Kind == isa.Modify && (in.Pfx&amd64.PfxLock != 0 || in.Row.Sem == isa.Xchg)
	return s
}

// masked reports whether in has an access that is made element by element.
func masked(in *tool.Inst) bool {
	for i := range in.Mem {
		if in.Mem[i].Elem != 0 {
			return true
		}
	}
	return false
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

// eachFetch calls f for those of the instructions [from, to] of run k that touch a line anew, or may do so.
func (m *machine) eachFetch(r *runs, k uint32, from, to int, f func(fetch)) {
	if m.i1 == nil {
		return
	}
	u := &r.all[k]
	line := uint64(0) // of the instruction before; none is in line number 0
	r.eachInst(k, func(i int, pc guest.Addr) {
		n := r.lens[int(u.first)+i]
		first, last := uint64(pc)>>m.i1.shift+1, (uint64(pc)+uint64(n)-1)>>m.i1.shift+1
		if i >= from && i <= to && (first != line || last != line) {
			f(fetch{last, uint64(pc), u.first + uint32(i), n, first == last})
		}
		line = last
	})
}

// addFetches notes them and returns where.
func (m *machine) addFetches(r *runs, k uint32, from, to int) [2]uint32 {
	first := uint32(len(m.fetches))
	m.eachFetch(r, k, from, to, func(f fetch) { m.fetches = append(m.fetches, f) })
	return [2]uint32{first, uint32(len(m.fetches))}
}

// touchesLine reports whether there are any.
func (m *machine) touchesLine(r *runs, k uint32, from, to int) (yes bool) {
	m.eachFetch(r, k, from, to, func(fetch) { yes = true })
	return yes
}
