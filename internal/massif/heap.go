package massif

import (
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// HeapConfig implements tool.HeapReplacer. Memory may be used again at once: wrong accesses are not looked for.
func (m *Massif) HeapConfig() tool.HeapConfig {
	return tool.HeapConfig{RedZone: redZone, Alignment: granule, MallocFill: -1, FreeFill: -1}
}

const (
	redZone = 16 // the least that the allocator takes
	// granule is what the sizes of blocks are rounded up to, as in Valgrind's allocator on this machine.
	granule = 16
)

// slopOf is how much more than n bytes the allocator gives.
func slopOf(n uint64) uint64 { return -n & (granule - 1) }

// NewStack implements tool.HeapReplacer. Stacks are captured where one is needed: frees need none.
func (m *Massif) NewStack(tool.Thread) uint32 { return 0 }

// Allocated implements tool.HeapReplacer.
func (m *Massif) Allocated(t tool.Thread, b tool.HeapBlock, _ bool) {
	m.allocated(t, b.Addr, b.Size, true)
}

// Freed implements tool.HeapReplacer.
func (m *Massif) Freed(_ tool.Thread, b tool.HeapBlock, _ string) { m.freed(m.blocks, b.Addr) }

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

// allocated notes a new block. inside says that it comes from a replaced function.
func (m *Massif) allocated(t tool.Thread, a guest.Addr, size uint64, inside bool) {
	if !m.measured() {
		return
	}
	m.capture(t, func(pcs []guest.Addr) {
		b := block{size: size, ctx: m.contexts.at(pcs, inside)}
		if inside {
			b.slop = slopOf(size)
			m.record(m.blocks, a, b)
		} else {
			m.record(m.custom, a, b)
		}
	})
}

// record adds b to a table. The caller holds mu.
func (m *Massif) record(blocks map[guest.Addr]block, a guest.Addr, b block) {
	blocks[a] = b
	if b.ctx == 0 {
		return
	}
	m.change(int64(b.size), int64(b.slop+m.opts.heapAdmin))
	m.contexts.add(b.ctx, b.size)
	m.rec.normal(m.now(), m.use)
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

// freed notes that the block at a is gone.
func (m *Massif) freed(blocks map[guest.Addr]block, a guest.Addr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(blocks, a)
}

// forget removes the block at a from a table, if there is one. The caller holds mu.
func (m *Massif) forget(blocks map[guest.Addr]block, a guest.Addr) {
	b, ok := blocks[a]
	if !ok {
		return
	}
	delete(blocks, a)
	if b.ctx == 0 {
		return
	}
	m.rec.beforeFree(m.now(), m.use)
	m.change(-int64(b.size), -int64(b.slop+m.opts.heapAdmin))
	m.contexts.remove(b.ctx, b.size)
	m.rec.normal(m.now(), m.use)
}

// Resized implements tool.HeapReplacer.
func (m *Massif) Resized(t tool.Thread, old, b tool.HeapBlock) {
	if !m.measured() {
		return
	}
	m.capture(t, func(pcs []guest.Addr) {
		was, ok := m.blocks[old.Addr]
		if !ok {
			return
		}
		if was.ctx != 0 && b.Size < was.size {
			m.rec.beforeFree(m.now(), m.use)
		}
		is := block{size: b.Size, slop: slopOf(b.Size)}
		if room := was.size + was.slop; b.Size <= room {
			is.slop = room - b.Size // an allocator would leave the block where it is
		}
		if was.ctx != 0 {
			is.ctx = m.contexts.at(pcs, true)
		}
		delete(m.blocks, old.Addr)
		m.blocks[b.Addr] = is
		if was.ctx == 0 {
			return
		}
		m.contexts.remove(was.ctx, was.size)
		if is.ctx == 0 { // ignored from now on
			m.change(-int64(was.size), -int64(was.slop+m.opts.heapAdmin))
			return
		}
		m.contexts.add(is.ctx, is.size)
		m.change(int64(is.size-was.size), int64(is.slop-was.slop))
		m.rec.normal(m.now(), m.use)
	})
}

// BadFree implements tool.HeapReplacer.
func (*Massif) BadFree(tool.Thread, string, guest.Addr, tool.HeapBlock, bool) {}

// MismatchedFree implements tool.HeapReplacer.
func (*Massif) MismatchedFree(tool.Thread, string, tool.AllocKind, tool.HeapBlock) {}

// FishySize implements tool.HeapReplacer.
func (*Massif) FishySize(tool.Thread, string, string, int64) {}
