package cachegrind

import (
	"slices"
	"sync/atomic"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// run is a piece of guest code that is executed as a whole.
type run struct {
	pc    guest.Addr
	first uint32 // index of its first instruction's length in runs.lens; runs that begin together and follow each other may share it
	next  uint32 // another one that begins there, 0 for none
	size  uint16 // bytes
	n     uint8
	rep   bool   // a repeated string instruction, alone
	cond  bool   // of those that may end before their count,
	zero  uint32 // with this value of ZF
	sites uint32 // first site, 0 for none; of a run that has some
}

// runs are all runs met so far; counters are by number of run.
type runs struct {
	host  tool.Host
	all   []run
	lens  []uint8
	index map[guest.Addr]uint32   // by where they begin; others are behind next
	pages map[guest.Addr]struct{} // with code that was met
	page  guest.Addr              // the last of them
	// counters come in pieces of chunk.
	counters []tool.Counters
	misses   missCounters // of the simulation
	// rounds are what repeated instructions made of rounds beyond the count of the run.
	rounds map[uint32]uint64
}

// chunk is how many counters are asked for at a time.
const chunk = 4096

func (r *runs) init(h tool.Host) {
	r.host = h
	r.index = map[guest.Addr]uint32{}
	r.pages = map[guest.Addr]struct{}{}
	r.rounds = map[uint32]uint64{}
	r.all = append(r.all, run{}) // number 0 is no run
}

// value is the counter of run k.
func (r *runs) value(k uint32) *uint64 { return &r.counters[k/chunk].Values[k%chunk] }

// missCounters are pairs of counters, by number from 1 on: of first-level and of last-level misses. They come in pieces of chunk.
type missCounters struct {
	n      uint32
	pieces []tool.Counters
}

// next is the number of a new pair.
func (m *missCounters) next(h tool.Host) uint32 {
	m.n++
	if int(2*m.n/chunk) >= len(m.pieces) {
		m.pieces = append(m.pieces, h.Counters(chunk))
	}
	return m.n
}

// addr is the address of pair n.
func (m *missCounters) addr(n uint32) guest.Addr { return m.pieces[2*n/chunk].Addr(int(2 * n % chunk)) }

// take returns pair n and clears it.
func (m *missCounters) take(n uint32) (counts [2]uint64) {
	at := m.pieces[2*n/chunk].Values[2*n%chunk:]
	for i := range counts {
		counts[i] = atomic.SwapUint64(&at[i], 0) // other threads may be counting
	}
	return counts
}

// origin is a place where runs begin.
type origin struct {
	known uint32 // one of them, 0 for none
	fresh bool   // those that there are were made for this block
	last  uint32 // the one made last for this block, 0 for none
}

// origin finds the runs that begin at pc.
func (r *runs) origin(pc guest.Addr) origin {
	k := r.index[pc]
	return origin{known: k, fresh: k == 0}
}

// get returns the number of the run of instructions [from, to] of b, which is at o, and whether it is new. Runs are told apart by where
// they begin and end and their number of instructions: blocks are cut at different places. Those of one block get longer.
func (r *runs) get(b *tool.Block, from, to int, o *origin) (k uint32, isNew bool) {
	first, last := &b.Insts[from], &b.Insts[to]
	n := run{pc: first.PC, first: uint32(len(r.lens)), n: uint8(to - from + 1), size: uint16(last.PC + guest.Addr(last.Len) - first.PC)}
	if !o.fresh {
		for k := o.known; k != 0; k = r.all[k].next {
			if u := &r.all[k]; u.n == n.n && u.size == n.size {
				o.last = 0
				return k, false
			}
		}
	}
	k = uint32(len(r.all))
	if from == to && last.Repeats() {
		n.rep, n.cond = true, last.Row.Sem == isa.StrCmps
		if last.Pfx&amd64.PfxF2 != 0 {
			n.zero = 1
		}
	}
	if o.last != 0 { // nothing else has come since
		s := &r.all[o.last]
		n.first = s.first
		from += int(s.n)
	}
	r.lens = grown(r.lens, to+1-from)
	for i := from; i <= to; i++ {
		r.lens = append(r.lens, b.Insts[i].Len)
	}
	if o.known == 0 {
		o.known = k
		r.index[n.pc] = k
	} else {
		n.next = r.all[o.known].next
		r.all[o.known].next = k
	}
	r.all = append(grown(r.all, 1), n)
	o.last = k
	for p := n.pc.PageDown(); p < n.pc+guest.Addr(n.size); p += guest.PageSize {
		if p != r.page || p == 0 {
			r.page = p
			r.pages[p] = struct{}{}
		}
	}
	for int(k/chunk) >= len(r.counters) {
		r.counters = append(r.counters, r.host.Counters(chunk))
	}
	return k, true
}

// grown makes room for n more in s. What append does for long slices has them copied more often, to memory that the kernel clears.
func grown[T any](s []T, n int) []T {
	if len(s)+n > cap(s) {
		s = slices.Grow(s, max(n, len(s), chunk))
	}
	return s
}

// touches reports whether there may be runs in g.
func (r *runs) touches(g guest.Range) bool {
	if g.Len()/guest.PageSize < uint64(len(r.pages)) {
		for p := g.Start.PageDown(); p < g.End; p += guest.PageSize {
			if _, ok := r.pages[p]; ok {
				return true
			}
		}
		return false
	}
	for p := range r.pages {
		if g.Contains(p) {
			return true
		}
	}
	return false
}

// transfers reports whether control may go elsewhere than to the next instruction, or come back late, behind in. Instructions
// that could not be decoded, and client requests, end the block anyway.
func transfers(in *tool.Inst) bool {
	if in.Row == nil {
		return true
	}
	switch in.Row.Sem {
	case isa.CtlJcc, isa.CtlJmp, isa.CtlCall, isa.CtlRet, isa.CtlSys:
		return true
	}
	return false
}

// target is the address that a direct branch goes to.
func target(in *tool.Inst) (guest.Addr, bool) {
	if in.Row == nil || in.HasMem || in.ImmLen == 0 {
		return 0, false
	}
	switch in.Row.Sem {
	case isa.CtlJcc, isa.CtlJmp, isa.CtlCall:
		return in.PC + guest.Addr(in.Len) + guest.Addr(in.Imm), true
	}
	return 0, false
}

// Instrument implements tool.Tool.
func (c *Cachegrind) Instrument(b *tool.Block) {
	if len(b.Insts) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// Branches inside the block enter it in the middle.
	var room [16]guest.Addr
	entries := room[:0]
	last := b.Insts[len(b.Insts)-1].PC
	for i := range b.Insts {
		if t, ok := target(&b.Insts[i]); ok && t >= b.Start && t <= last {
			entries = append(entries, t)
		}
	}
	entered := func(pc guest.Addr) bool { return slices.Contains(entries, pc) }
	line := noLine // of code, that the simulated processor has surely executed last
	for from := 0; from < len(b.Insts); {
		if c.sim == nil {
			from = c.count(b, from, entered)
			continue
		}
		to := from
		for to+1 < len(b.Insts) {
			next := &b.Insts[to+1]
			if transfers(&b.Insts[to]) || b.Insts[to].Repeats() || next.Repeats() || entered(next.PC) {
				break
			}
			to++
		}
		o := c.runs.origin(b.Insts[from].PC)
		k, isNew := c.runs.get(b, from, to, &o)
		line = c.observe(b, from, to, k, isNew, line)
		if to+1 < len(b.Insts) && (transfers(&b.Insts[to]) && !conditional(&b.Insts[to]) || entered(b.Insts[to+1].PC)) {
			line = noLine
		}
		from = to + 1
	}
}

// count asks for the counts of instructions from from on, up to one that is entered from elsewhere, and returns where that is. They
// are cut into runs that begin together and end at different branches: when a branch is taken, its run has been executed and no
// other. So there is one addition, wherever control leaves. mu is held.
func (c *Cachegrind) count(b *tool.Block, from int, entered func(pc guest.Addr) bool) int {
	b.Anns = append(b.Anns, tool.Ann{Inst: from, Op: tool.OpWhole})
	last := from // behind the last branch
	to := from
	o := c.runs.origin(b.Insts[from].PC)
	for ; to+1 < len(b.Insts); to++ {
		in, next := &b.Insts[to], &b.Insts[to+1]
		if in.Repeats() || next.Repeats() || entered(next.PC) || transfers(in) && !conditional(in) {
			break
		}
		if conditional(in) {
			k, _ := c.runs.get(b, from, to, &o)
			b.Anns = append(b.Anns, tool.Ann{Inst: to, Op: tool.OpCount, Arg: 1, Ptr: c.counter(k), Taken: true})
			last = to + 1
		}
	}
	k, _ := c.runs.get(b, from, to, &o)
	b.Anns = append(b.Anns, tool.Ann{Inst: b.Cheapest(last, to), Op: tool.OpCount, Arg: 1, Ptr: c.counter(k)})
	if c.runs.all[k].rep && c.opts.repRounds {
		b.Anns = append(b.Anns, tool.Ann{Inst: to, Op: tool.OpEventRounds, Arg: int64(k)})
	}
	return to + 1
}

// counter is the address of run k's counter.
func (c *Cachegrind) counter(k uint32) guest.Addr {
	return c.runs.counters[k/chunk].Addr(int(k % chunk))
}

// eachInst calls f with the address of each instruction of run k.
func (r *runs) eachInst(k uint32, f func(i int, pc guest.Addr)) {
	u := &r.all[k]
	pc := u.pc
	for i := range int(u.n) {
		f(i, pc)
		pc += guest.Addr(r.lens[int(u.first)+i])
	}
}

// lastPC is the address of the last instruction of run k.
func (r *runs) lastPC(k uint32) (pc guest.Addr) {
	r.eachInst(k, func(_ int, p guest.Addr) { pc = p })
	return pc
}

// pcOf is the address of the instruction of run k whose length is r.lens[at].
func (r *runs) pcOf(k, at uint32) (pc guest.Addr) {
	r.eachInst(k, func(i int, p guest.Addr) {
		if r.all[k].first+uint32(i) == at {
			pc = p
		}
	})
	return pc
}
