package cachegrind

import (
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// Events implements tool.EventWatcher.
func (c *Cachegrind) Events(t tool.Thread, ev []tool.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sim == nil {
		c.countRounds(ev)
		return
	}
	th := c.threads[t.ID()]
	if th == nil {
		th = &thread{}
		c.threads[t.ID()] = th
	}
	m := c.sim
	for i := range ev {
		e := &ev[i]
		s := &m.sites[e.Site]
		if th.pending != 0 {
			c.resolve(th, s)
		}
		s.count++
		for j := s.fetch[0]; j < s.fetch[1]; j++ {
			m.fetch(&m.fetches[j])
		}
		switch s.kind {
		case siteRead, siteWrite:
			size := int(s.size)
			if e.Size != 0 {
				size = min(int(e.Size), m.dataLimit)
			}
			m.data(&m.costs[s.cost], e.Value, size, s.kind == siteWrite)
		case siteBranch:
			th.pending = e.Site
		case siteRepRead, siteRepWrite:
			if th.nRep < len(th.rep) {
				th.rep[th.nRep] = repAccess{e.Value, e.Site}
				th.nRep++
			}
		case siteRounds:
			c.rep(th, s, e.Value)
		}
		if s.next {
			th.pending = e.Site
		}
	}
}

// countRounds counts the rounds of repeated instructions when nothing is simulated: records carry the number of the run.
func (c *Cachegrind) countRounds(ev []tool.Event) {
	for i := range ev {
		k := ev[i].Site
		c.runs.rounds[k] += c.extraRounds(k, ev[i].Value)
	}
}

// extraRounds is how often Valgrind counts a repeated instruction that made n rounds, beside the once that any instruction has.
// There, each round is an execution of the instruction, and one more finds that the count has come to zero. Those that end on a
// condition do without that last one. (One whose condition held to the end of its count has it, but can't be told apart.)
func (c *Cachegrind) extraRounds(k uint32, n uint64) uint64 {
	switch {
	case !c.opts.repRounds:
		return 0
	case c.runs.all[k].cond && n > 0:
		return n - 1
	}
	return n
}

// rep simulates the n rounds of a repeated instruction that ends at site s.
func (c *Cachegrind) rep(th *thread, s *site, n uint64) {
	m := c.sim
	extra := c.extraRounds(s.run, n)
	c.runs.rounds[s.run] += extra
	acc := th.rep[:th.nRep]
	th.nRep = 0
	cost := &m.costs[s.cost]
	for i := range n {
		for j := range acc {
			a := &acc[j]
			as := &m.sites[a.site]
			as.times++
			if m.d1 != nil {
				m.data(cost, a.addr, int(as.size), as.kind == siteRepWrite)
			}
			a.addr += uint64(as.size)
		}
		if m.branches != nil {
			c.predictCond(cost, s, true)
			if c.runs.all[s.run].cond {
				c.predictCond(cost, s, i+1 < n)
			}
		}
	}
	if m.branches != nil && extra == n {
		c.predictCond(cost, s, false)
	}
}

// resolve tells what became of the branch or jump that is pending; s is the site of the record behind it.
func (c *Cachegrind) resolve(th *thread, s *site) {
	m := c.sim
	was := &m.sites[th.pending]
	cost := &m.costs[was.cost]
	if was.kind == siteBranch {
		c.predictCond(cost, was, !(s.kind == siteNotTaken && s.run == was.run))
	} else {
		cost.bi++
		if m.branches.jump(uint64(c.runs.lastPC(was.run)), uint64(c.runs.all[s.run].pc)) {
			cost.bim++
		}
	}
	th.pending = 0
}

func (c *Cachegrind) predictCond(cost *cost, s *site, taken bool) {
	cost.bc++
	if c.sim.branches.cond(uint64(c.runs.lastPC(s.run)), taken) {
		cost.bcm++
	}
}

// flushThread ends what a thread has begun: the outcome of its last branch is not known.
func (c *Cachegrind) flushThread(th *thread) {
	if th.pending != 0 && c.sim.sites[th.pending].kind == siteBranch {
		was := &c.sim.sites[th.pending]
		c.predictCond(&c.sim.costs[was.cost], was, true)
	}
	th.pending = 0
}

// fetch uses the instruction cache.
func (m *machine) fetch(f *fetch) {
	first, last := f.pc>>m.i1.shift, (f.pc+uint64(f.len)-1)>>m.i1.shift
	if first == last && m.lastLine == last+1 {
		return
	}
	m.lastLine = last + 1
	if m.i1.missing(f.pc, int(f.len)) {
		c := &m.costs[f.cost]
		c.i1++
		if m.ll.missing(f.pc, int(f.len)) {
			c.il++
		}
	}
}

// data uses the data cache.
func (m *machine) data(c *cost, a uint64, size int, write bool) {
	if !m.d1.missing(a, size) {
		return
	}
	deep := m.ll.missing(a, size)
	if write {
		c.d1w++
		if deep {
			c.dlw++
		}
		return
	}
	c.d1r++
	if deep {
		c.dlr++
	}
}

// settle moves what run k cost to the lines of its instructions.
func (m *machine) settle(c *Cachegrind, k uint32, rounds uint64, on bool, lookup func(pc guest.Addr) []int64) {
	u := &c.runs.all[k]
	for i := u.sites; int(i) < len(m.sites) && m.sites[i].run == k; i++ {
		s := &m.sites[i]
		if s.count == 0 {
			continue
		}
		if on {
			c.runs.eachInst(k, func(j int, pc guest.Addr) {
				if j >= int(s.from) && j <= int(s.to) {
					lookup(pc)[0] += int64(s.count)
				}
			})
			if m.d1 != nil {
				n, col := s.count, 0
				switch s.kind {
				case siteRead:
					col = colDr
					if s.twice {
						n *= 2
					}
				case siteWrite:
					col = colDw
				case siteRepRead:
					n, col = s.times, colDr
				case siteRepWrite:
					n, col = s.times, colDw
				}
				if col != 0 {
					lookup(c.runs.pcOf(k, s.cost))[col] += int64(n)
				}
			}
		}
		s.count, s.times = 0, 0
	}
	c.runs.eachInst(k, func(j int, pc guest.Addr) {
		x := &m.costs[u.first+uint32(j)]
		if *x == (cost{}) {
			return
		}
		if on {
			to := lookup(pc)
			branches := 1
			if m.d1 != nil {
				branches = colDLmw + 1
				for i, n := range [...]uint64{colI1mr: x.i1, colILmr: x.il, colD1mr: x.d1r, colDLmr: x.dlr, colD1mw: x.d1w, colDLmw: x.dlw} {
					to[i] += int64(n)
				}
			}
			if m.branches != nil {
				for i, n := range [...]uint64{x.bc, x.bcm, x.bi, x.bim} {
					to[branches+i] += int64(n)
				}
			}
		}
		*x = cost{}
	})
}

// Columns of the events of caches; those of branches follow, or take their place.
const (
	colI1mr = iota + 1
	colILmr
	colDr
	colD1mr
	colDLmr
	colDw
	colD1mw
	colDLmw
)
