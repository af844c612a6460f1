package heap

import (
	"sync/atomic"
	"unsafe"

	"gogrind/internal/guest"
)

// deal gives cc, which is empty, slots of the first span of cl. The caller holds mu.
//
//go:nosplit
func (a *Allocator) deal(cc *classCache, cl *class) {
	sp := a.pages.spans[cl.avail.first]
	for cc.n-cc.next < cl.depth && cl.avail.first == sp.id {
		slot, fresh := a.takeSlot(cl, sp)
		start := sp.start(slot)
		if fresh {
			start |= freshBit
		}
		cc.push(start, &sp.metas[slot])
	}
}

// push makes the slot at start with index entry m the last of cc, which has room.
//
//go:nosplit
func (cc *classCache) push(start guest.Addr, m *meta) {
	r := &cc.slots[cc.n&(cacheSlots-1)]
	r.start, r.meta = start, uintptr(unsafe.Pointer(m))
	cc.n++
}

// passOn gives a slot that leaves the quarantine to c, if there is room: most blocks are followed by one of their size, and the span need
// not be touched then. What was freed first is used first, so that what a block needs can be fetched in time.
//
//go:nosplit
func (a *Allocator) passOn(c *cache, sp *span, slot uint32) bool {
	cc := &c.slots[sp.class]
	if cc.n-cc.next >= a.classes[sp.class].depth {
		return false
	}
	m := &sp.metas[slot]
	m.state = stateUnused
	cc.push(sp.start(slot), m)
	return true
}

// putBack makes the slot of a freed block one of c's slots, if there is room.
//
//go:nosplit
func (a *Allocator) putBack(c *cache, sp *span, slot uint32) bool {
	cc := &c.slots[sp.class]
	if cc.n-cc.next >= a.classes[sp.class].depth {
		return false
	}
	m := &sp.metas[slot]
	m.state = stateUnused
	cc.next--
	r := &cc.slots[cc.next&(cacheSlots-1)]
	r.start, r.meta = sp.start(slot), uintptr(unsafe.Pointer(m))
	return true
}

// entry is the index entry of the slot.
//
//go:nosplit
func (r *slotRef) entry() *meta { return (*meta)(pointer(r.meta)) }

// bump adds to a counter of the calling thread. Only it writes to the counter, so there is no need for an atomic addition, which would
// wait for all stores before it.
//
//go:nosplit
func bump(c *atomic.Uint64, n uint64) { *(*uint64)(unsafe.Pointer(c)) += n }

//go:nosplit
func (a *Allocator) quickRefill(c *cache, i int) bool {
	if !a.mu.try() {
		return false
	}
	ok := a.classes[i].avail.first != 0
	if ok {
		a.deal(&c.slots[i], &a.classes[i])
	}
	a.mu.leave()
	return ok
}

// quickFlush is flush for quick code. ok says that there is nothing more to do, busy that somebody else has the lock.
//
//go:nosplit
func (a *Allocator) quickFlush(c *cache) (ok, busy bool) {
	if !a.mu.try() {
		return false, true
	}
	q := &a.quarantine
	for c.held > 0 && q.small.tail-q.small.head+uint64(c.held) <= uint64(len(q.small.ring)) {
		for i := uint32(0); i < c.held; i++ {
			f := &c.frees[i&(cacheFrees-1)]
			size := max(f.size, minHeld)
			h := held{f.span, uint16(f.slot), uint16(size)}
			q.volume += size
			q.small.put(h)
			q.last = h
		}
		c.held = 0
	}
	ok = c.held == 0 && a.quickSettle(c, 0)
	a.mu.leave()
	return ok, false
}

// quickRoom makes room in the quarantine for a block of size bytes, or reports that it can't.
//
//go:nosplit
func (a *Allocator) quickRoom(c *cache, size uint64) bool {
	if c.held > 0 {
		if ok, _ := a.quickFlush(c); !ok {
			return false
		}
	}
	if !a.mu.try() {
		return false
	}
	ok := a.quickSettle(c, max(size, minHeld)) && !a.quarantine.small.full()
	a.mu.leave()
	return ok
}

// quickSettle is settle for quick code, which leaves room for the given volume. It reports whether there is nothing more to do:
// releasing the oldest blocks may have to go on with pages.
//
//go:nosplit
func (a *Allocator) quickSettle(c *cache, room uint64) bool {
	q := &a.quarantine
	// With less room than the block needs, all others leave, and it stays for being the last one.
	limit := a.cfg.Layout.Quarantine - min(room, a.cfg.Layout.Quarantine)
	// The entries of those that will go are asked for all at once, as none of them is in the cache.
	over := q.volume
	for i := q.small.head; over > limit && i != q.small.tail; i++ {
		h := &q.small.ring[i&uint64(len(q.small.ring)-1)]
		if h.slot == largeSlot {
			break
		}
		if sp := a.pages.spans[h.span]; int(h.slot) < len(sp.metas) {
			prefetch(uintptr(unsafe.Pointer(&sp.metas[h.slot])))
		}
		over -= uint64(h.size)
	}
	for q.volume > limit {
		if !q.big.empty() || q.small.empty() {
			return false
		}
		h := q.small.first()
		if h.slot == largeSlot {
			return false
		}
		if room == 0 && h == q.last {
			return true
		}
		sp, slot := a.pages.spans[h.span], uint32(h.slot)
		if sp.class >= 0 && sp.holds(slot) && !a.passOn(c, sp, slot) {
			if a.emptied(sp) {
				return false
			}
			a.putSlot(sp, slot)
		}
		q.small.head++
		q.volume -= uint64(h.size)
	}
	return true
}

// fetch asks for what the block in the slot at start will need, of which none is in the cache most of the time: its index entry, its first
// line, and its shadow.
//
//go:nosplit
func (a *Allocator) fetch(r *slotRef, stride uint64) {
	start := r.start &^ freshBit
	prefetch(r.meta)
	p := uintptr(start) + uintptr(a.cfg.Layout.RedZone)
	prefetch(p)
	if k := a.quick.conf.Shadow; k != 0 {
		prefetchAll(p+uintptr(k), uintptr(stride-2*a.cfg.Layout.RedZone))
	}
}

// prefetch tells the processor that the line at p will be written to. It need not be there.
//
//go:noescape
func prefetch(p uintptr)

// prefetchAll does so for the first lines of the n bytes at p, n > 0, at most 8.
//
//go:noescape
func prefetchAll(p, n uintptr)

// fillMem makes the n bytes at p what those of pattern are, which are all equal.
//
//go:noescape
func fillMem(p, n uintptr, pattern *[fillSize]byte)
