package cachegrind

import (
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// batch is what one thread has recorded, on its way to the simulation.
type batch struct {
	thread int
	ev     []tool.Event
}

// batches is how many may wait: enough to keep the simulation busy while the guest translates or sleeps.
const batches = 8

// Events implements tool.EventWatcher. The simulation runs on a goroutine of its own, so that it has another processor when
// there is one; the guest waits when it is too far ahead.
func (c *Cachegrind) Events(t tool.Thread, ev []tool.Event) {
	if c.queue == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.countRounds(ev)
		return
	}
	var buf []tool.Event
	select {
	case buf = <-c.spare:
	default:
	}
	c.waiting.Add(1)
	c.queue <- batch{t.ID(), append(buf[:0], ev...)}
}

// simulate consumes batches for ever.
func (c *Cachegrind) simulate() {
	for b := range c.queue {
		c.mu.Lock()
		c.consume(b)
		c.mu.Unlock()
		select {
		case c.spare <- b.ev:
		default:
		}
		c.waiting.Done()
	}
}

// drain waits until the simulation has caught up with all that was recorded. mu must not be held.
func (c *Cachegrind) drain() { c.waiting.Wait() }

// consume simulates a batch. mu is held.
func (c *Cachegrind) consume(b batch) {
	th := c.threads[b.thread]
	if th == nil {
		th = &thread{}
		c.threads[b.thread] = th
	}
	m := c.sim
	ev := b.ev
	for i := range ev {
		e := &ev[i]
		s := &m.sites[e.Site]
		if th.pending != 0 {
			c.resolve(th, s)
		}
		for j := s.fetch[0]; j < s.fetch[1]; j++ {
			if f := &m.fetches[j]; !f.single || f.line != m.lastLine {
				m.fetch(f)
			}
		}
		switch s.kind {
		case siteRead, siteWrite:
			size := int(s.size)
			if s.own {
				m.times[e.Site]++
				size = min(int(e.Size), m.dataLimit)
			}
			m.data(s.cost, e.Value, size, s.kind == siteWrite)
		case siteBranch:
			th.pending = e.Site
		case siteRepRead, siteRepWrite:
			if th.nRep < len(th.rep) {
				th.rep[th.nRep] = repAccess{e.Value, e.Site}
				th.nRep++
			}
		case siteRounds:
			c.rep(th, s, e)
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
		c.runs.rounds[k] += c.extraRounds(k, &ev[i])
	}
}

// extraRounds is how often Valgrind counts a repeated instruction, beside the once that any instruction has; e tells its rounds.
// There, each round is an execution of the instruction, and one more finds that the count has come to zero. Those that end on a
// condition do without that last one.
func (c *Cachegrind) extraRounds(k uint32, e *tool.Event) uint64 {
	u := &c.runs.all[k]
	switch {
	case !c.opts.repRounds:
		return 0
	case u.cond && e.Value > 0 && e.Size == u.zero:
		return e.Value - 1
	}
	return e.Value
}

// rep simulates the rounds of a repeated instruction that ends at site s.
func (c *Cachegrind) rep(th *thread, s *site, e *tool.Event) {
	m := c.sim
	n := e.Value
	ended := c.runs.all[s.run].cond && n > 0 && e.Size == c.runs.all[s.run].zero
	extra := c.extraRounds(s.run, e)
	c.runs.rounds[s.run] += extra
	acc := th.rep[:th.nRep]
	th.nRep = 0
	for j := range acc {
		m.times[acc[j].site] += n
	}
	cost := &m.costs[s.cost]
	for i := range n {
		for j := range acc {
			a := &acc[j]
			as := &m.sites[a.site]
			if m.d1 != nil {
				m.data(s.cost, a.addr, int(as.size), as.kind == siteRepWrite)
			}
			a.addr += uint64(as.size)
		}
		if m.branches != nil {
			c.predictCond(cost, s, true)
			if c.runs.all[s.run].cond {
				c.predictCond(cost, s, i+1 < n || !ended)
			}
		}
	}
	if m.branches != nil && !ended {
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

// fetch uses the instruction cache. A line that was used last needs no look.
func (m *machine) fetch(f *fetch) {
	m.lastLine = f.line
	if m.i1.missing(f.pc, int(f.len)) {
		c := &m.costs[f.cost]
		c.i1++
		if m.ll.missing(f.pc, int(f.len)) {
			c.il++
		}
	}
}

// data uses the data cache; cost is that of the instruction.
func (m *machine) data(cost uint32, a uint64, size int, write bool) {
	if m.d1.latest(a, size) || !m.d1.missing(a, size) {
		return
	}
	c := &m.costs[cost]
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

// settle moves what run k cost to the lines of its instructions; it was executed so many times.
func (m *machine) settle(c *Cachegrind, k uint32, times uint64, on bool, lookup func(pc guest.Addr) []int64) {
	u := &c.runs.all[k]
	for i := u.sites; m.d1 != nil && int(i) < len(m.sites) && m.sites[i].run == k; i++ {
		s := &m.sites[i]
		n := times
		if s.own {
			n = m.times[i]
			delete(m.times, i)
		}
		if s.twice {
			n *= 2
		}
		if !on || n == 0 {
			continue
		}
		switch s.kind {
		case siteRead, siteRepRead:
			lookup(c.runs.pcOf(k, s.cost))[colDr] += int64(n)
		case siteWrite, siteRepWrite:
			lookup(c.runs.pcOf(k, s.cost))[colDw] += int64(n)
		}
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
