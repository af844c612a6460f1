package heap

import (
	"sync/atomic"

	"gogrind/internal/guest"
	"gogrind/internal/stack"
	"gogrind/internal/tool"
)

const (
	// cacheSlots is how many slots of a class a thread takes at once, if they are small.
	cacheSlots = 8
	// cacheBytes bounds what these are together.
	cacheBytes = 8 << 10
	// batch is how many freed blocks a thread collects before they go to the quarantine, and cacheFrees how many it may have when
	// somebody else is just busy with that.
	batch      = 16
	cacheFrees = 2 * batch
	// largeQuarantine is the volume from which that is allowed: it must not make a difference to what is found.
	largeQuarantine = 1 << 20
	// maxCaches is the number of threads that have a cache at the same time.
	maxCaches = 64
)

// cache is what one thread has for itself: slots to allocate, and blocks that it has freed. So most calls take no lock, and the memory of
// the next block is known ahead.
//
// Quick uses the cache of its thread without a lock. Other code holds Allocator.mu, and only the same thread, outside of Quick, may
// change it; others read the numbers.
type cache struct {
	owner atomic.Uint64 // number of the thread plus 1; 0: nobody's
	stats counters
	frees [cacheFrees]freed // of blocks that are not large
	held  uint32            // of frees
	slots [numClasses]classCache

	recent stack.Recent
}

// freed is a block that its thread has freed, and not put into quarantine yet.
type freed struct {
	size uint64
	span spanID
	slot uint32
}

// classCache is the slots of one class, those from next to n, which run freely.
type classCache struct {
	next, n uint32
	slots   [cacheSlots]slotRef
}

// slotRef is a slot that is not used.
type slotRef struct {
	start guest.Addr // where it begins; bit 0 says that it was never used since its memory was zero
	meta  uintptr    // address of its index entry
}

const freshBit = 1

// counters are a thread's part of tool.HeapStats. Differences may be below 0.
type counters struct {
	allocs, frees, allocBytes atomic.Uint64
	liveBlocks, liveBytes     atomic.Uint64
}

// cacheOf is the cache of the thread with the given number, nil if it has none.
//
//go:nosplit
func (a *Allocator) cacheOf(thread uint64) *cache {
	if c := a.caches[thread%maxCaches].Load(); c != nil && c.owner.Load() == thread+1 {
		return c
	}
	return nil
}

// own is the cache of t, which gets one if there is one left; else it is that of all who have none. The caller holds mu.
func (a *Allocator) own(t tool.Thread) *cache {
	id := uint64(t.ID())
	if c := a.cacheOf(id); c != nil {
		return c
	}
	place := &a.caches[id%maxCaches]
	c := place.Load()
	if c == nil {
		c = new(cache)
		place.Store(c)
	}
	if !c.owner.CompareAndSwap(0, id+1) {
		return &a.common
	}
	return c
}

// ThreadEnded takes back what t has for itself. It is called by t, after its last call of the others.
func (a *Allocator) ThreadEnded(t tool.Thread) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.cacheOf(uint64(t.ID())); c != nil {
		a.flush(c)
		c.owner.Store(0)
	}
}

// total is the sum of the counters. The caller holds mu.
func (a *Allocator) total() (s tool.HeapStats) {
	add := func(c *counters) {
		s.Allocs += c.allocs.Load()
		s.Frees += c.frees.Load()
		s.AllocBytes += c.allocBytes.Load()
		s.LiveBlocks += c.liveBlocks.Load()
		s.LiveBytes += c.liveBytes.Load()
	}
	add(&a.common.stats)
	for i := range a.caches {
		if c := a.caches[i].Load(); c != nil {
			add(&c.stats)
		}
	}
	return s
}

// refill gets slots of class i for c, which has none. The caller holds mu.
func (a *Allocator) refill(c *cache, i int) error {
	if a.classes[i].avail.first == 0 {
		if err := a.addSpan(i); err != nil {
			return err
		}
	}
	a.deal(&c.slots[i], &a.classes[i])
	return nil
}

// hold puts a freed block where it waits for its reuse. The caller holds mu.
func (a *Allocator) hold(c *cache, h freed) {
	sp := a.pages.spans[h.span]
	switch {
	case (sp.class < 0 || h.size >= a.cfg.Layout.BigBlock) && a.cfg.Layout.Quarantine > 0:
		a.flush(c)
		a.quarantine.push(sp, h.slot, h.size, &a.cfg.Layout)
		a.settle(c)
	case a.cfg.Layout.Quarantine == 0:
		if sp.class < 0 || !a.putBack(c, sp, h.slot) {
			a.release(sp, h.slot)
		}
	default:
		a.makeRoom(c)
		c.frees[c.held] = h
		c.held++
		if !a.collects() {
			a.flush(c)
		}
	}
}

// makeRoom makes room for a block that c's thread frees. The caller holds mu.
func (a *Allocator) makeRoom(c *cache) {
	if c.held >= batch || a.quarantine.volume > a.cfg.Layout.Quarantine {
		a.flush(c)
	}
}

// collects reports whether threads may collect what they have freed.
//
//go:nosplit
func (a *Allocator) collects() bool { return a.cfg.Layout.Quarantine >= largeQuarantine }

// flush puts what c's thread has freed into quarantine, and makes what leaves that usable. The caller holds mu.
func (a *Allocator) flush(c *cache) {
	for _, h := range c.frees[:c.held] {
		a.quarantine.push(a.pages.spans[h.span], h.slot, h.size, &a.cfg.Layout)
	}
	c.held = 0
	a.settle(c)
}

// settle lets blocks go until the quarantine is not over its volume, to c or to where they came from. The caller holds mu.
func (a *Allocator) settle(c *cache) {
	for {
		h, ok := a.quarantine.pop(&a.cfg.Layout)
		if !ok {
			return
		}
		sp := a.pages.spans[h.span]
		switch slot := uint32(h.slot); {
		case h.slot == largeSlot:
			if sp.class < 0 && sp.holds(0) {
				a.release(sp, 0)
			}
		case sp.class >= 0 && sp.holds(slot) && !a.passOn(c, sp, slot):
			a.release(sp, slot)
		}
	}
}

// holds reports whether there is a freed block in slot. When threads free a block at the same time it may be in quarantine twice.
//
//go:nosplit
func (s *span) holds(slot uint32) bool {
	return int(slot) < len(s.metas) && s.metas[slot].state == stateFreed
}
