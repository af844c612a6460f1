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
		for i := range ev {
			k := ev[i].Site // the number of the run
			c.runs.rounds[k] += c.opts.extraRounds(&c.runs.all[k], &ev[i])
		}
		return
	}
	c.inbox.Lock()
	defer c.inbox.Unlock()
	buf, ok := c.collected[t.ID()]
	if !ok {
		select {
		case buf = <-c.spare:
		default:
		}
	}
	c.repeat(ev)
	buf = append(buf, ev...)
	if len(buf) < minBatch {
		c.collected[t.ID()] = buf
		return
	}
	delete(c.collected, t.ID())
	c.send(batch{t.ID(), buf})
}

// minBatch is how many records are worth waking the simulation for.
const minBatch = 2048

// send hands b over to the simulation.
func (c *Cachegrind) send(b batch) {
	c.waiting.Add(1)
	c.queue <- b
}

// simulate consumes batches for ever.
func (c *Cachegrind) simulate() {
	for b := range c.queue {
		c.consume(b)
		select {
		case c.spare <- b.ev[:0]:
		default:
		}
		c.waiting.Done()
	}
}

// drain waits until the simulation has caught up with all that was recorded. No lock must be held.
func (c *Cachegrind) drain() {
	c.inbox.Lock()
	for t, ev := range c.collected {
		c.send(batch{t, ev})
	}
	clear(c.collected)
	c.inbox.Unlock()
	c.waiting.Wait()
}

// repeat uses the caches for a repeated instruction, if the records ev end with one: translated code leaves that to the tool. It runs
// before the guest goes on, as later accesses find the caches as these leave them.
func (c *Cachegrind) repeat(ev []tool.Event) {
	m := c.sim
	if m.models.Data == nil || len(ev) == 0 {
		return
	}
	c.mu.Lock()
	sites := m.sites
	c.mu.Unlock()
	end := len(ev) - 1
	s := &sites[ev[end].Site]
	if s.kind != siteRounds {
		return
	}
	first := end
	for first > 0 && sites[ev[first-1].Site].run == s.run && sites[ev[first-1].Site].repeated() {
		first--
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.grow(int(s.cost) + 1)
	m.useRounds(sites, ev[first:end], s.cost, ev[end].Value)
}

// useRounds uses the caches for n rounds of a repeated instruction with this cost, whose accesses in the first one are ev. Rounds that
// come to no other line than the one before leave everything as it is, if there is room for the lines of all accesses in one set: they
// are passed over. mu is held.
func (m *machine) useRounds(sites []site, ev []tool.Event, cost uint32, n uint64) {
	d := m.models.Data
	for i := uint64(0); i < n; {
		same := n // rounds from this one on that stay in its lines
		for j := range ev {
			s := &sites[ev[j].Site]
			size := uint64(s.size)
			a := ev[j].Value + i*size
			if d.Touch(a, int(size)) {
				m.dataMiss(cost, a, int(size), s.kind == siteRepWrite)
			}
			same = min(same, (uint64(d.Line)-a%uint64(d.Line))/size)
		}
		if len(ev) > d.Ways {
			same = 1
		}
		i += max(same, 1)
	}
}

// grow makes room for the costs of n instructions. mu is held.
func (m *machine) grow(n int) {
	if n -= len(m.costs); n > 0 {
		m.costs = append(m.costs, make([]cost, n)...)
	}
}

// consume simulates a batch.
func (c *Cachegrind) consume(b batch) {
	c.mu.Lock()
	r := c.runs // what belongs to the records of the batch doesn't change any more
	sites := c.sim.sites
	c.mu.Unlock()
	m := c.sim
	m.mu.Lock()
	defer m.mu.Unlock()
	m.grow(len(r.lens))
	th := m.threads[b.thread]
	if th == nil {
		th = &thread{}
		m.threads[b.thread] = th
	}
	ev := b.ev
	for i := range ev {
		e := &ev[i]
		s := &sites[e.Site]
		if th.pending != 0 {
			m.resolve(&r, th, &sites[th.pending], s)
		}
		switch s.kind {
		case siteRead, siteWrite: // element by element
			m.times[e.Site] += uint64(e.Size) / uint64(s.elem)
		case siteBranch:
			th.pending = e.Site
		case siteRepRead, siteRepWrite:
			if th.nRep < len(th.rep) {
				th.rep[th.nRep] = e.Site
				th.nRep++
			}
		case siteRounds:
			m.rep(&r, th, s, e, c.opts.extraRounds(&r.all[s.run], e))
		}
		if s.next {
			th.pending = e.Site
		}
	}
}

// extraRounds is how often Valgrind counts a repeated instruction, beside the once that any instruction has; e tells its rounds.
// There, each round is an execution of the instruction, and one more finds that the count has come to zero. Those that end on a
// condition do without that last one.
func (o *settings) extraRounds(u *run, e *tool.Event) uint64 {
	switch {
	case !o.repRounds:
		return 0
	case u.cond && e.Value > 0 && e.Size == u.zero:
		return e.Value - 1
	}
	return e.Value
}

// rep counts the rounds of a repeated instruction that ends at site s: extra in the way of extraRounds.
func (m *machine) rep(r *runs, th *thread, s *site, e *tool.Event, extra uint64) {
	n := e.Value
	u := &r.all[s.run]
	ended := u.cond && n > 0 && e.Size == u.zero
	m.rounds[s.run] += extra
	for _, site := range th.rep[:th.nRep] {
		m.times[site] += n
	}
	th.nRep = 0
	if m.branches == nil {
		return
	}
	for i := range n {
		m.predictCond(r, s, true)
		if u.cond {
			m.predictCond(r, s, i+1 < n || !ended)
		}
	}
	if !ended {
		m.predictCond(r, s, false)
	}
}

// resolve tells what became of the branch or jump at site was, which is pending; s is the site of the record behind it.
func (m *machine) resolve(r *runs, th *thread, was, s *site) {
	if was.kind == siteBranch {
		m.predictCond(r, was, !(s.kind == siteNotTaken && s.run == was.run))
	} else {
		cost := &m.costs[was.cost]
		cost.bi++
		if m.branches.jump(uint64(r.lastPC(was.run)), uint64(r.all[s.run].pc)) {
			cost.bim++
		}
	}
	th.pending = 0
}

func (m *machine) predictCond(r *runs, s *site, taken bool) {
	cost := &m.costs[s.cost]
	cost.bc++
	if m.branches.cond(uint64(r.lastPC(s.run)), taken) {
		cost.bcm++
	}
}

// flushThreads ends what threads have begun: the outcome of their last branch is not known.
func (m *machine) flushThreads(r *runs) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, th := range m.threads {
		if th.pending != 0 && m.sites[th.pending].kind == siteBranch {
			m.predictCond(r, &m.sites[th.pending], true)
		}
		th.pending = 0
	}
}

// dataMiss counts an access that is missing in D1; cost is that of the instruction.
func (m *machine) dataMiss(cost uint32, a uint64, size int, write bool) {
	c := &m.costs[cost]
	deep := m.models.Last.Touch(a, size)
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

// settle moves what run k cost to the lines of its instructions; it was executed so many times. Both locks are held.
func (m *machine) settle(r *runs, k uint32, times uint64, on bool, lookup func(pc guest.Addr) []int64) {
	u := &r.all[k]
	for i := u.sites; m.models.Data != nil && int(i) < len(m.sites) && m.sites[i].run == k; i++ {
		s := &m.sites[i]
		n := times
		if s.own {
			n = m.times[i]
			delete(m.times, i)
		}
		if s.miss != 0 {
			if miss := r.misses.take(s.miss); on && miss != [2]uint64{} {
				to, at := lookup(r.pcOf(k, s.cost)), colI1mr
				switch s.kind {
				case siteRead:
					at = colD1mr
				case siteWrite:
					at = colD1mw
				}
				to[at] += int64(miss[0])
				to[at+1] += int64(miss[1])
			}
		}
		if s.twice {
			n *= 2
		}
		if !on || n == 0 {
			continue
		}
		switch s.kind {
		case siteRead, siteRepRead:
			lookup(r.pcOf(k, s.cost))[colDr] += int64(n)
		case siteWrite, siteRepWrite:
			lookup(r.pcOf(k, s.cost))[colDw] += int64(n)
		}
	}
	r.eachInst(k, func(j int, pc guest.Addr) {
		at := int(u.first) + j
		if at >= len(m.costs) || m.costs[at] == (cost{}) {
			return
		}
		x := &m.costs[at]
		if on {
			to := lookup(pc)
			branches := 1
			if m.models.Data != nil {
				branches = colDLmw + 1
				for i, n := range [...]uint64{colD1mr: x.d1r, colDLmr: x.dlr, colD1mw: x.d1w, colDLmw: x.dlw} {
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
