package cachegrind

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// machine is what is simulated: one processor, whatever the number of threads.
type machine struct {
	i1, d1, ll *cache // nil without --cache-sim
	geo        *geometry
	branches   *predictor // nil without --branch-sim
	lastLine   uint64     // line of the last instruction fetch, plus one
	dataLimit  int        // larger accesses are taken for this size, so that they touch two lines at most

	sites   []site
	fetches []fetch
	costs   []cost // by index of runs.lens
}

// site is a place where translated code makes event records.
type site struct {
	run   uint32
	kind  siteKind
	from  uint8 // the record stands for the execution of instructions [from, to] of the run, none when from > to
	to    uint8
	next  bool   // control leaves by an indirect jump or call behind it
	twice bool   // the access is a read, and then a read and write that can't be divided
	cost  uint32 // index in costs of its instruction
	size  uint16 // of the access
	fetch [2]uint32
	count uint64
	times uint64 // accesses, where count does not tell: those of repeated instructions
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
	pc   uint64
	cost uint32
	len  uint8
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
	m := &machine{sites: make([]site, 1), dataLimit: 1 << 16}
	if g != nil {
		m.geo = g
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
	done := 0 // first instruction of the run that no record stands for yet
	place := func(i int, ann tool.Ann, s site) {
		if isNew {
			s.run, s.cost = k, u.first+uint32(i-from)
			s.from, s.to = 1, 0
			if s.kind != siteNotTaken && s.kind != siteRounds && done <= i-from {
				s.from, s.to = uint8(done), uint8(i-from)
				s.fetch = m.addFetches(&c.runs, k, done, i-from)
			}
			m.sites = append(m.sites, s)
		}
		if s.kind != siteNotTaken && s.kind != siteRounds {
			done = i - from + 1
		}
		ann.Inst, ann.Arg = i, int64(at)
		at++
		b.Anns = append(b.Anns, ann)
	}
	for i := from; i <= to; i++ {
		in := &b.Insts[i]
		rep := in.Repeats()
		if m.i1 != nil && !rep && masked(in) {
			// Any number of records, also none: they can't stand for the instruction.
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
		case done <= i-from:
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
	if rep {
		s.kind += siteRepRead - siteRead
	}
	// Valgrind performs a locked instruction as a read, the computation, and a compare-and-swap.
	s.twice = in.Pfx&amd64.PfxLock != 0 && a.Kind == isa.Modify
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

// addFetches notes the fetches of instructions [from, to] of run k that may touch a line anew.
func (m *machine) addFetches(r *runs, k uint32, from, to int) [2]uint32 {
	first := uint32(len(m.fetches))
	if m.i1 == nil {
		return [2]uint32{first, first}
	}
	u := &r.all[k]
	line := uint64(0)
	r.eachInst(k, func(i int, pc guest.Addr) {
		n := r.lens[int(u.first)+i]
		l0, l1 := uint64(pc)>>m.i1.shift+1, (uint64(pc)+uint64(n)-1)>>m.i1.shift+1
		if i >= from && i <= to && (i == from || l0 != line || l1 != line) {
			m.fetches = append(m.fetches, fetch{uint64(pc), u.first + uint32(i), n})
		}
		line = l1
	})
	return [2]uint32{first, uint32(len(m.fetches))}
}
