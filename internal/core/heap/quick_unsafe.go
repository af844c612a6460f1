package heap

import (
	"sync/atomic"
	"unsafe"

	"gogrind/internal/guest"
	"gogrind/internal/stack"
	"gogrind/internal/tool"
)

// The functions of this file run on threads that Go believes to be in system calls, see vcpu.Quick. They are nosplit, allocate
// nothing, store no pointers and wait for no mutex. What they can't do in this way they leave undone, and the function is run again
// in Go: before anything is changed that counts.

// quick is what Quick needs to know. All but the log is immutable once the first guest thread runs.
type quick struct {
	on    atomic.Bool
	conf  tool.QuickHeap
	paths *stack.Paths

	hooks [maxQuick]quickHook

	fresh, gone, zero [fillSize]byte // conf.Fresh, conf.Gone and 0

	// log is what the tool has not been told yet, for tools that want events; spare is the other buffer. Guarded by Allocator.mu.
	log, spare []tool.HeapEvent
	logged     int
}

// quickHook is what one hook does.
type quickHook struct {
	pc   uint64 // where it stands; 0: it is not for Quick. Written last
	role role
	kind tool.AllocKind
}

const (
	// maxQuick is the number of hooks that may be quick; a process has one for each function of the heap in each object.
	maxQuick = 1024
	// fillSize is the length of the pattern that fillMem takes.
	fillSize = 32
	// logSize is the number of events that are kept until the tool takes them.
	logSize = 1024
)

// Phases, see vcpu.Quick.
const (
	phaseStack = 1 // reads the stack: nothing has been done yet
	PhaseFill  = 2 // fills the new block, whose address is in rax: all else is done
	phaseCopy  = 3 // copies to a slot that is not in use yet: nothing has been done
)

// Quick is the function for vcpu.SetQuick; state is an Allocator's.
//
//go:nosplit
func Quick(state unsafe.Pointer, regs *guest.Regs, hook, thread uint64, phase *uint64) bool {
	a := (*Allocator)(state)
	if hook >= maxQuick || !a.quick.on.Load() {
		return false
	}
	h := &a.quick.hooks[hook]
	if atomic.LoadUint64(&h.pc) == 0 {
		return false
	}
	g := &regs.GPR
	switch h.role {
	case roleAlloc:
		return a.quickAlloc(h, regs, h.pc, g[guest.RDI], false, thread, phase)
	case roleCalloc:
		x, y := g[guest.RDI], g[guest.RSI]
		if (x|y)>>32 != 0 {
			return false
		}
		return a.quickAlloc(h, regs, h.pc, x*y, true, thread, phase)
	case roleFree:
		return a.quickFree(h, regs, guest.Addr(g[guest.RDI]), thread, phase)
	case roleRealloc:
		if g[guest.RDI] == 0 {
			return a.quickAlloc(h, regs, h.pc+asMalloc, g[guest.RSI], false, thread, phase)
		}
		return a.quickRealloc(h, regs, guest.Addr(g[guest.RDI]), g[guest.RSI], thread, phase)
	}
	return false
}

// quickStack is the number of the stack that the thread with this cache is at, when its innermost entry is pc; ok is false if that is
// not known.
//
//go:nosplit
func (a *Allocator) quickStack(c *cache, pc uint64, regs *guest.Regs, wanted bool, phase *uint64) (id uint32, ok bool) {
	if !wanted {
		return 0, true
	}
	*phase = phaseStack
	id, ok = a.quick.paths.Find(pc, regs, &c.recent)
	*phase = 0
	return id, ok
}

//go:nosplit
func (a *Allocator) quickAlloc(h *quickHook, regs *guest.Regs, pc, size uint64, zero bool, thread uint64, phase *uint64) bool {
	need := max(size, 1) + a.cfg.Layout.Alignment - 16
	c := a.cacheOf(thread)
	if size > maxSmall || need > maxSmall || c == nil {
		return false
	}
	class := classOf(need)
	cc := &c.slots[class]
	if cc.next == cc.n && !a.quickRefill(c, class) {
		return false
	}
	id, ok := a.quickStack(c, pc, regs, a.quick.conf.AllocStacks, phase)
	if !ok {
		return false
	}
	p := a.place(cc.slots[cc.next&(cacheSlots-1)].start &^ freshBit)
	if a.quick.conf.Events {
		if !a.mu.try() {
			return false
		}
		ok := a.room(1)
		if ok {
			a.note(tool.HeapAllocated, p, size, id)
		}
		a.mu.leave()
		if !ok {
			return false
		}
	}
	fresh := a.quickTake(c, class, size, id, h.kind, false)
	bump(&c.stats.liveBlocks, 1)
	bump(&c.stats.liveBytes, size)
	c.count(size)

	q := &a.quick
	if k := q.conf.Shadow; k != 0 {
		pattern := &q.fresh
		if zero {
			pattern = &q.zero
		}
		fillMem(uintptr(p)+uintptr(k), uintptr(size), pattern)
	}
	regs.GPR[guest.RAX] = uint64(p)
	if zero || !fresh && !a.cfg.Layout.Dirty {
		*phase = PhaseFill
		fillMem(uintptr(p), uintptr(size), &q.zero)
		*phase = 0
	}
	return true
}

// quickTake makes a block of the next slot of class in c; fresh says that its memory was never used. locked says that the caller
// holds mu.
//
//go:nosplit
func (a *Allocator) quickTake(c *cache, class int, size uint64, stack uint32, kind tool.AllocKind, locked bool) (fresh bool) {
	cc := &c.slots[class]
	ref := &cc.slots[cc.next&(cacheSlots-1)]
	fresh = ref.start&freshBit != 0
	m := ref.entry()
	// Field by field: a literal would be copied, by loads wider than the stores that made it.
	m.size, m.alloc, m.free = uint32(size), stack, 0
	m.align, m.kind, m.state = 0, kind, stateLive
	cc.next++
	switch {
	case cc.next != cc.n:
	case !locked:
		a.quickRefill(c, class)
	case a.classes[class].avail.first != 0:
		a.deal(cc, &a.classes[class])
	}
	if cc.next != cc.n {
		a.fetch(&cc.slots[cc.next&(cacheSlots-1)], a.classes[class].stride)
	}
	return fresh
}

// quickFind returns the slot that the block at p is in, if there is one; m is its entry. room is the length of what the block may have.
// What freeing it needs is asked for, as most of that has left the cache.
//
//go:nosplit
func (a *Allocator) quickFind(p guest.Addr) (sp *span, slot uint32, m *meta, room uint64) {
	sp = a.pages.table.at(p)
	if sp == nil || sp.state != spanUsed || sp.class < 0 {
		return nil, 0, nil, 0
	}
	slot, ok := sp.slot(p)
	if !ok {
		return nil, 0, nil, 0
	}
	start := sp.start(slot)
	if p != a.place(start) {
		return nil, 0, nil, 0
	}
	m = &sp.metas[slot]
	prefetch(uintptr(unsafe.Pointer(m)))
	room = uint64(start) + sp.stride - a.cfg.Layout.RedZone - uint64(p)
	if k := a.quick.conf.Shadow; k != 0 {
		prefetchAll(uintptr(p)+uintptr(k), uintptr(room))
	}
	return sp, slot, m, room
}

//go:nosplit
func (a *Allocator) quickFree(h *quickHook, regs *guest.Regs, p guest.Addr, thread uint64, phase *uint64) bool {
	if p == 0 {
		regs.GPR[guest.RAX] = 0
		return true
	}
	c := a.cacheOf(thread)
	sp, slot, m, room := a.quickFind(p)
	if sp == nil || c == nil {
		return false
	}
	id, ok := a.quickStack(c, h.pc, regs, a.quick.conf.FreeStacks, phase)
	if !ok {
		return false
	}
	size := uint64(m.size)
	holds := a.cfg.Layout.Quarantine > 0
	if m.state != stateLive || m.kind != h.kind || m.align != 0 || holds && size >= a.cfg.Layout.BigBlock || !a.quickPlace(c, size) {
		return false
	}
	if !holds || a.quick.conf.Events {
		if !a.mu.try() {
			return false
		}
		if !holds && a.emptied(sp) || a.quick.conf.Events && !a.room(1) {
			a.mu.leave()
			return false
		}
		a.note(tool.HeapFreed, p, size, m.alloc)
		if !holds {
			a.putAway(c, sp, slot)
		}
		a.mu.leave()
	}
	if holds {
		m.state = stateFreed
	}
	m.free = id
	bump(&c.stats.liveBlocks, ^uint64(0))
	bump(&c.stats.liveBytes, -size)
	bump(&c.stats.frees, 1)
	if k := uintptr(a.quick.conf.Shadow); k != 0 {
		// The whole slot, whose end has no access as it is: to know the length would mean to wait for the entry.
		fillMem(uintptr(p)+k, uintptr(room), &a.quick.gone)
	}
	if holds {
		f := &c.frees[c.held&(cacheFrees-1)]
		f.size, f.span, f.slot = size, sp.id, slot
		c.held++
		if !a.collects() {
			a.quickFlush(c) // there is room; if somebody else has the lock, the next call does it
		}
	}
	regs.GPR[guest.RAX] = 0
	return true
}

// quickRealloc moves a block, as Realloc does.
//
//go:nosplit
func (a *Allocator) quickRealloc(h *quickHook, regs *guest.Regs, p guest.Addr, size, thread uint64, phase *uint64) bool {
	q := &a.quick
	need := size + a.cfg.Layout.Alignment - 16
	c := a.cacheOf(thread)
	sp, slot, m, room := a.quickFind(p)
	holds := a.cfg.Layout.Quarantine > 0
	if sp == nil || c == nil || size == 0 || size > maxSmall || need > maxSmall || q.conf.Pinned || holds && !a.collects() ||
		q.conf.FreeStacks && !q.conf.AllocStacks {
		return false
	}
	id, ok := a.quickStack(c, h.pc, regs, q.conf.AllocStacks, phase)
	old := uint64(m.size)
	if !ok || m.state != stateLive || m.kind != h.kind || m.align != 0 || holds && old >= a.cfg.Layout.BigBlock || !a.quickPlace(c, old) {
		return false
	}
	class := classOf(need)
	cc := &c.slots[class]
	if cc.next == cc.n && !a.quickRefill(c, class) {
		return false
	}
	n := min(old, size)
	k := uintptr(q.conf.Shadow)
	if k != 0 && !plain(uintptr(p)+k, uintptr(n)) {
		return false
	}
	// The copy comes first: if the guest has made a part inaccessible nothing has happened yet.
	to := a.place(cc.slots[cc.next&(cacheSlots-1)].start &^ freshBit)
	*phase = phaseCopy
	copyMem(uintptr(to), uintptr(p), uintptr(n))
	*phase = 0
	locked := !holds || q.conf.Events
	if locked {
		if !a.mu.try() {
			return false
		}
		if !holds && a.emptied(sp) || q.conf.Events && !a.room(2) {
			a.mu.leave()
			return false
		}
		a.note(tool.HeapMoved, p, old, m.alloc)
		a.note(tool.HeapAllocated, to, size, id)
	}
	a.quickTake(c, class, size, id, h.kind, locked)
	m.free = id
	if holds {
		m.state = stateFreed
	} else {
		a.putAway(c, sp, slot)
	}
	if locked {
		a.mu.leave()
	}
	bump(&c.stats.liveBytes, size-old)
	bump(&c.stats.frees, 1)
	c.count(size)
	if k != 0 {
		copyMem(uintptr(to)+k, uintptr(p)+k, uintptr(n))
		fillMem(uintptr(to)+uintptr(n)+k, uintptr(size-n), &q.fresh)
		fillMem(uintptr(p)+k, uintptr(room), &q.gone)
	}
	if holds {
		f := &c.frees[c.held&(cacheFrees-1)]
		f.size, f.span, f.slot = old, sp.id, slot
		c.held++
	}
	regs.GPR[guest.RAX] = uint64(to)
	return true
}

// plain reports whether the n bytes at p are 0 or 0xff each: shadow that says all there is to say.
//
//go:nosplit
func plain(p, n uintptr) bool {
	const low = 0x7f7f7f7f7f7f7f7f // all bits but the highest of each byte
	bad := uint64(0)
	for ; n >= 8; n -= 8 {
		w := *(*uint64)(pointer(p))
		bad |= (w ^ w>>1) & low // neighbours that differ
		p += 8
	}
	for ; n > 0; n-- {
		w := *(*uint8)(pointer(p))
		bad |= uint64((w ^ w>>1) & 0x7f)
		p++
	}
	return bad == 0
}

// copyMem copies n bytes between places that do not overlap.
//
//go:nosplit
func copyMem(to, from, n uintptr) {
	copy(unsafe.Slice((*byte)(pointer(to)), n), unsafe.Slice((*byte)(pointer(from)), n))
}

// quickPlace makes sure that the quarantine, if there is one, has a place for a block with size bytes, which is going to be freed.
//
//go:nosplit
func (a *Allocator) quickPlace(c *cache, size uint64) bool {
	switch {
	case a.cfg.Layout.Quarantine == 0:
		return a.quarantine.volume == 0
	case !a.collects():
		return a.quickRoom(c, size)
	case c.held >= batch:
		ok, busy := a.quickFlush(c)
		return ok || busy && c.held < cacheFrees
	}
	return true
}

// putAway makes the slot of a freed block usable again, which does not empty sp. The caller holds mu.
//
//go:nosplit
func (a *Allocator) putAway(c *cache, sp *span, slot uint32) {
	if !a.putBack(c, sp, slot) {
		a.putSlot(sp, slot)
	}
}

// room reports whether the log has room for n events. The caller holds mu.
//
//go:nosplit
func (a *Allocator) room(n int) bool { return a.quick.logged+n <= len(a.quick.log) }

// note adds an event to the log, which has room for it, if the tool wants events. The caller holds mu.
//
//go:nosplit
func (a *Allocator) note(kind tool.HeapEventKind, p guest.Addr, size uint64, stack uint32) {
	q := &a.quick
	if q.logged >= len(q.log) {
		return
	}
	e := &q.log[q.logged]
	q.logged++
	now := uint64(0)
	for _, v := range q.conf.Clock {
		now += v
	}
	e.Addr, e.Size, e.Time, e.Stack, e.Kind = p, size, now, stack, kind
}

// leave undoes try. On amd64 no store passes an older one, so a plain one is enough; an atomic one would wait for them all.
//
//go:nosplit
func (l *lock) leave() { *(*uint32)(unsafe.Pointer(&l.word)) = 0 }
