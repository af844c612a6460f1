package massif

import (
	"sync/atomic"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// HeapConfig implements tool.HeapReplacer. Memory may be used again at once: wrong accesses are not looked for.
func (m *Massif) HeapConfig() tool.HeapConfig {
	return tool.HeapConfig{RedZone: redZone, Alignment: granule, MallocFill: -1, FreeFill: -1, Dirty: true, InPlace: true, Off: m.opts.pagesAsHeap}
}

// QuickHeap implements tool.QuickHeaper: the heap keeps the events until somebody looks at the sums. The clock of real time does not
// tell when they were, stacks have events of their own that come before and after, and a full tree of memory wants the stacks of frees.
// With --heap=no nothing has to be kept.
func (m *Massif) QuickHeap() (q tool.QuickHeap, ok bool) {
	if !m.opts.heap {
		return q, !m.opts.pagesAsHeap
	}
	heap, ok := m.host.Heap().(tool.HeapEvents)
	if !ok || !m.measured() || m.opts.stacks || m.opts.timeUnit == unitMillis || m.core.XtreeMemory == xtreeFull {
		return q, false
	}
	m.mu.before = func() { heap.TakeEvents(m.replay) }
	return tool.QuickHeap{AllocStacks: true, Events: true, Clock: m.insts.Values}, true
}

// replay counts blocks that have come and gone. The caller holds mu.
func (m *Massif) replay(events []tool.HeapEvent) {
	m.replaying = true
	var old tool.HeapBlock // of a realloc
	for i := range events {
		e := &events[i]
		m.then = int64(e.Time)
		b := tool.HeapBlock{Addr: e.Addr, Size: e.Size, Alloc: e.Stack}
		switch {
		case e.Kind == tool.HeapFreed:
			m.gone(e.Addr, m.blockOf(&b))
		case e.Kind == tool.HeapMoved:
			old = b
		case i > 0 && events[i-1].Kind == tool.HeapMoved:
			m.resized(&old, &b)
		default:
			m.counted(m.blockOf(&b))
		}
	}
	m.replaying = false
}

// gone notes that the heap block b at a is freed. The caller holds mu.
func (m *Massif) gone(a guest.Addr, b block) {
	m.uncounted(b)
	if len(m.slops)+len(m.ignored) > 0 {
		delete(m.slops, a)
		delete(m.ignored, a)
	}
}

const (
	redZone = 16 // the least that the allocator takes
	// granule is what the sizes of blocks are rounded up to, as in Valgrind's allocator on this machine.
	granule = 16
)

// slopOf is how much more than n bytes the allocator gives.
func slopOf(n uint64) uint64 { return -n & (granule - 1) }

// NewStack implements tool.HeapReplacer: its numbers are those of contexts. Frees need none, and looking for one would cost
// more than all the rest of them.
func (m *Massif) NewStack(t tool.Thread) uint32 {
	if !m.measured() || m.frees.has(guest.Addr(t.Regs().RIP)) {
		return 0
	}
	ctx := 0
	m.capture(t, func(pcs []guest.Addr) { ctx = m.contexts.at(pcs, true) })
	return uint32(ctx)
}

// entries are addresses of functions.
type entries struct {
	set atomic.Pointer[map[guest.Addr]bool] // never changed, only replaced
}

func (e *entries) has(a guest.Addr) bool {
	s := e.set.Load()
	return s != nil && (*s)[a]
}

// add adds a. The caller holds Massif.mu.
func (e *entries) add(a guest.Addr) {
	s := map[guest.Addr]bool{a: true}
	if old := e.set.Load(); old != nil {
		for k := range *old {
			s[k] = true
		}
	}
	e.set.Store(&s)
}

// forget forgets all entries if one is in r. It takes no lock.
func (e *entries) forget(r guest.Range) {
	s := e.set.Load()
	if s == nil {
		return
	}
	for a := range *s {
		if r.Contains(a) {
			e.set.Store(nil)
			return
		}
	}
}

// Allocated implements tool.HeapReplacer.
func (m *Massif) Allocated(_ tool.Thread, b tool.HeapBlock, _ bool) {
	if b.Alloc == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counted(m.blockOf(&b))
}

// Freed implements tool.HeapReplacer.
func (m *Massif) Freed(t tool.Thread, b tool.HeapBlock, fn string) {
	if !m.measured() {
		return
	}
	m.freedAt(t, b)
	m.mu.Lock()
	defer m.mu.Unlock()
	// realloc may free, too, but it also allocates.
	if pc := guest.Addr(t.Regs().RIP); fn != "realloc" && !m.frees.has(pc) {
		m.frees.add(pc)
	}
	m.gone(b.Addr, m.blockOf(&b))
}

// blockOf is what counts of b. The caller holds mu.
func (m *Massif) blockOf(b *tool.HeapBlock) block {
	is := block{size: b.Size, slop: slopOf(b.Size), ctx: int(b.Alloc)}
	if len(m.slops) > 0 {
		if n, ok := m.slops[b.Addr]; ok {
			is.slop = n
		}
	}
	if len(m.ignored) > 0 && m.ignored[b.Addr] {
		is.ctx = 0
	}
	return is
}

// measured reports whether blocks count.
func (m *Massif) measured() bool { return m.opts.heap && !m.opts.pagesAsHeap }

// capture calls f with the stack of t, with mu held.
func (m *Massif) capture(t tool.Thread, f func(pcs []guest.Addr)) {
	buf := m.pcs.Get().(*[]guest.Addr)
	n := m.host.Unwind(t, *buf)
	m.mu.Lock()
	f((*buf)[:n])
	m.mu.Unlock()
	m.pcs.Put(buf)
}

// described notes a block that a client request describes.
func (m *Massif) described(t tool.Thread, a guest.Addr, size uint64) {
	if !m.measured() {
		return
	}
	m.capture(t, func(pcs []guest.Addr) {
		b := block{size: size, ctx: m.contexts.at(pcs, false)}
		m.custom[a] = b
		m.counted(b)
	})
}

// counted notes that b is in use from now on. The caller holds mu.
func (m *Massif) counted(b block) {
	if b.ctx == 0 {
		return
	}
	m.change(int64(b.size), int64(b.slop+m.opts.heapAdmin))
	m.contexts.add(b.ctx, b.size)
	m.rec.normal(m.now(), m.use)
}

// uncounted notes that b isn't in use any more. The caller holds mu.
func (m *Massif) uncounted(b block) {
	if b.ctx == 0 {
		return
	}
	if m.rec.isPeak(m.use) {
		m.rec.beforeFree(m.now(), m.use)
	}
	m.change(-int64(b.size), -int64(b.slop+m.opts.heapAdmin))
	m.contexts.remove(b.ctx, b.size)
	m.rec.normal(m.now(), m.use)
}

// forget removes the custom block at a, if there is one. The caller holds mu.
func (m *Massif) forget(a guest.Addr) {
	if b, ok := m.custom[a]; ok {
		delete(m.custom, a)
		m.uncounted(b)
	}
}

// change changes what is in use. The caller holds mu.
func (m *Massif) change(heap, extra int64) {
	m.use.heap += uint64(heap)
	m.use.extra += uint64(extra)
	d := heap + extra
	if d < 0 {
		d = -d
	}
	m.moved += uint64(d)
}

// Resized implements tool.HeapReplacer. A block stays ignored once it is.
func (m *Massif) Resized(_ tool.Thread, old, b tool.HeapBlock) {
	if !m.measured() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.resized(&old, &b)
}

// resized notes that realloc has made b of old. The caller holds mu.
func (m *Massif) resized(old, b *tool.HeapBlock) {
	was := m.blockOf(old)
	if was.ctx == 0 {
		delete(m.ignored, old.Addr)
		if b.Alloc != 0 {
			m.ignored[b.Addr] = true
		}
		return
	}
	if b.Size < was.size {
		m.rec.beforeFree(m.now(), m.use)
	}
	is := block{size: b.Size, slop: slopOf(b.Size), ctx: int(b.Alloc)}
	delete(m.slops, old.Addr)
	if room := was.size + was.slop; b.Size <= room && room-b.Size != is.slop {
		is.slop = room - b.Size // an allocator would leave the block where it is
		m.slops[b.Addr] = is.slop
	}
	m.contexts.remove(was.ctx, was.size)
	if is.ctx == 0 {
		m.change(-int64(was.size), -int64(was.slop+m.opts.heapAdmin))
		return
	}
	m.contexts.add(is.ctx, is.size)
	m.change(int64(is.size-was.size), int64(is.slop-was.slop))
	m.rec.normal(m.now(), m.use)
}

// BadFree implements tool.HeapReplacer.
func (*Massif) BadFree(tool.Thread, string, guest.Addr, tool.HeapBlock, bool) {}

// MismatchedFree implements tool.HeapReplacer.
func (*Massif) MismatchedFree(tool.Thread, string, tool.AllocKind, tool.HeapBlock) {}

// FishySize implements tool.HeapReplacer.
func (*Massif) FishySize(tool.Thread, string, string, int64) {}
