package heap

import (
	"math/bits"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// Size classes: payload sizes of 16, 32, ... 1024, then eight per doubling up to maxSmall. Larger blocks get pages of
// their own.
const (
	maxSmall   = 32 << 10
	fineLimit  = 1024
	fineCount  = fineLimit / 16
	perDouble  = 8
	numClasses = fineCount + 5*perDouble // 5 doublings from fineLimit to maxSmall
)

// classOf is the smallest class that holds n bytes, 1 <= n <= maxSmall.
//
//go:nosplit
func classOf(n uint64) int {
	if n <= fineLimit {
		return int((n+15)/16) - 1
	}
	d := bits.Len64(n-1) - 11 // doublings above fineLimit
	step := uint64(fineLimit) << d / perDouble
	base := uint64(fineLimit) << d
	return fineCount + d*perDouble + int((n-base+step-1)/step) - 1
}

// classSize is the payload size of class c.
func classSize(c int) uint64 {
	if c < fineCount {
		return uint64(c+1) * 16
	}
	d, i := (c-fineCount)/perDouble, (c-fineCount)%perDouble
	base := uint64(fineLimit) << d
	return base + uint64(i+1)*base/perDouble
}

// class is the state of one size class: spans that have a free slot.
type class struct {
	stride uint64
	avail  spanList
}

// spanID is the number of a span (pageHeap.spans); 0 is none.
type spanID uint32

// spanList is a list of spans through span.next and span.prev.
type spanList struct{ first spanID }

type spanState uint8

const (
	spanFree spanState = iota // in a bin of the page heap
	spanUsed
)

// span is a run of pages: free, divided into slots of one class, or one large block.
type span struct {
	base   guest.Addr
	npages uint64
	state  spanState
	zero   bool // its memory, or that of slots not handed out yet, is zero
	listed bool // in a class's avail list or a bin
	solo   bool // is an arena of its own
	class  int  // -1 for a large block

	stride uint64 // bytes per slot
	metas  []meta // one per slot
	bump   uint32 // slots from here on were never used
	used   uint32 // slots live or in quarantine
	freed  uint32 // head of the list of free slots through meta.link, plus 1; 0 when empty

	id         spanID
	next, prev spanID
}

type blockState uint8

const (
	stateUnused blockState = iota
	stateLive
	stateFreed // in quarantine, or on the way into it
)

// meta describes the block in a slot. It holds no pointers: the garbage collector skips millions of them.
type meta struct {
	size, serial uint64
	alloc, free  uint32
	thread       int32
	off          uint32 // payload's offset in the slot
	link         uint32
	align        uint8 // log2 of the alignment asked for plus 1; 0 for none
	kind         tool.AllocKind
	state        blockState
}

//go:nosplit
func (s *span) end() guest.Addr { return s.base + guest.Addr(s.npages*guest.PageSize) }

//go:nosplit
func (s *span) meta(slot uint32) *meta { return &s.metas[slot] }

// slot returns which slot p lies in; ok is false in the unused end of the span.
//
//go:nosplit
func (s *span) slot(p guest.Addr) (n uint32, ok bool) {
	i := uint64(p-s.base) / s.stride
	return uint32(i), i < uint64(len(s.metas))
}

//go:nosplit
func (s *span) payload(slot uint32) guest.Addr {
	return s.base + guest.Addr(uint64(slot)*s.stride) + guest.Addr(s.metas[slot].off)
}

// block is the public description of the block in slot.
func (s *span) block(slot uint32) tool.HeapBlock {
	m := &s.metas[slot]
	b := tool.HeapBlock{
		Addr: s.payload(slot), Size: m.size, Kind: m.kind, Alloc: m.alloc, Free: m.free,
		Freed: m.state == stateFreed, Thread: int(m.thread), Serial: m.serial,
	}
	if m.align != 0 {
		b.Align = 1 << (m.align - 1)
	}
	return b
}

// allocSmall takes a slot of class c; fresh says that it was never used since its memory was zero.
func (a *Allocator) allocSmall(c int) (sp *span, slot uint32, fresh bool, err error) {
	cl := &a.classes[c]
	sp = a.pages.spans[cl.avail.first]
	if sp == nil {
		sp, err = a.pages.alloc(spanPages(cl.stride))
		if err != nil {
			return nil, 0, false, err
		}
		sp.class = c
		sp.stride = cl.stride
		sp.metas = make([]meta, sp.npages*guest.PageSize/cl.stride)
		sp.bump, sp.used, sp.freed = 0, 0, 0
		a.pages.push(&cl.avail, sp)
	}
	slot, fresh = a.takeSlot(cl, sp)
	return sp, slot, fresh, nil
}

// takeSlot takes a slot of sp, the first available span of its class.
//
//go:nosplit
func (a *Allocator) takeSlot(cl *class, sp *span) (slot uint32, fresh bool) {
	if sp.freed != 0 {
		slot = sp.freed - 1
		sp.freed = sp.metas[slot].link
	} else {
		slot = sp.bump
		sp.bump++
		fresh = sp.zero
	}
	sp.used++
	if sp.freed == 0 && int(sp.bump) == len(sp.metas) {
		a.pages.remove(&cl.avail, sp)
	}
	return slot, fresh
}

// spanPages is the length of a span for slots of stride bytes: at least eight slots, and at least 32 KB, so that small
// classes don't make a span of every page.
func spanPages(stride uint64) uint64 {
	return (max(32<<10, 8*stride) + guest.PageSize - 1) / guest.PageSize
}

// releaseSmall puts a slot back; an empty span goes back to the page heap unless it is its class's only one with space.
func (a *Allocator) releaseSmall(sp *span, slot uint32) {
	last := a.emptied(sp)
	a.putSlot(sp, slot)
	if last {
		a.pages.remove(&a.classes[sp.class].avail, sp)
		sp.zero = false
		a.pages.free(sp)
	}
}

// emptied reports whether sp goes back to the page heap with the next slot that is put back.
//
//go:nosplit
func (a *Allocator) emptied(sp *span) bool {
	first := a.classes[sp.class].avail.first
	return sp.used == 1 && first != 0 && (first != sp.id || sp.next != 0)
}

// putSlot makes a slot usable again.
//
//go:nosplit
func (a *Allocator) putSlot(sp *span, slot uint32) {
	m := &sp.metas[slot]
	m.state, m.link = stateUnused, sp.freed
	sp.freed = slot + 1
	sp.used--
	if !sp.listed {
		a.pages.push(&a.classes[sp.class].avail, sp)
	}
}

// push makes s the first of list l.
//
//go:nosplit
func (h *pageHeap) push(l *spanList, s *span) {
	s.prev, s.next, s.listed = 0, l.first, true
	if s.next != 0 {
		h.spans[s.next].prev = s.id
	}
	l.first = s.id
}

// remove takes s out of list l.
//
//go:nosplit
func (h *pageHeap) remove(l *spanList, s *span) {
	if s.prev != 0 {
		h.spans[s.prev].next = s.next
	} else {
		l.first = s.next
	}
	if s.next != 0 {
		h.spans[s.next].prev = s.prev
	}
	s.prev, s.next, s.listed = 0, 0, false
}
