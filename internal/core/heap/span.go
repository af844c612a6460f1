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

// class is what holds for one size class, and its spans that have a free slot.
type class struct {
	stride uint64
	depth  uint32 // slots that a cache takes at once
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

// span is a run of pages: free, divided into slots of one class, or one large block. Once made it stays, to be used again for others:
// code that holds no lock looks at spans.
type span struct {
	// What a free needs comes first, in one line of the cache.
	base    guest.Addr
	stride  uint64 // bytes per slot
	inverse uint64 // 1<<inverseShift by stride, rounded up; 0 if there is one slot
	metas   []meta // one per slot
	class   int32  // -1 for a large block
	state   spanState
	zero    bool   // its memory, or that of slots not handed out yet, is zero
	listed  bool   // in a class's avail list or a bin
	solo    bool   // is an arena of its own
	used    uint32 // slots in caches, live or in quarantine
	low     uint32 // all words of taken before this one are full

	taken [maxSlots / 64]uint64 // slots that are used, and those that are not there

	bump       uint32 // slots from here on were never used
	id         spanID
	next, prev spanID
	npages     uint64
	large      uint64  // size of a large block
	own        [1]meta // of a large block

	_ [56]byte // 256 in all: Go aligns such pieces to lines
}

// maxSlots is the number of slots that a span can have: those of 16 bytes with the smallest red zones, rounded up.
const maxSlots = 704

var _ [maxSlots - minSpan/48]struct{}

// inverseShift makes the product with span.inverse exact, and less than 1<<64: offsets are below 1<<20, strides at most 1<<16.
const inverseShift = 40

type blockState uint8

const (
	stateUnused blockState = iota
	stateLive
	stateFreed // in quarantine, or on the way into it
)

// meta describes the block in a slot. It holds no pointers, and as it is cold most of the time, four fit in a line of the cache.
type meta struct {
	size        uint32 // see span.large
	alloc, free uint32
	align       uint8 // log2 of the alignment asked for plus 1; 0 for none
	kind        tool.AllocKind
	state       blockState
}

//go:nosplit
func (s *span) end() guest.Addr { return s.base + guest.Addr(s.npages*guest.PageSize) }

// bounds is all of the run.
func (s *span) bounds() guest.Range { return guest.Range{Start: s.base, End: s.end()} }

//go:nosplit
func (s *span) meta(slot uint32) *meta { return &s.metas[slot] }

// slot returns which slot p lies in; ok is false in the unused end of the span.
//
//go:nosplit
func (s *span) slot(p guest.Addr) (n uint32, ok bool) {
	i := uint64(p-s.base) * s.inverse >> inverseShift
	return uint32(i), i < uint64(len(s.metas))
}

// start is where slot begins.
//
//go:nosplit
func (s *span) start(slot uint32) guest.Addr { return s.base + guest.Addr(uint64(slot)*s.stride) }

// size is the size of the block in slot.
func (s *span) size(slot uint32) uint64 {
	if s.class < 0 {
		return s.large
	}
	return uint64(s.metas[slot].size)
}

// place is where the payload of a block without alignment of its own lies in the slot that begins at start.
//
//go:nosplit
func (a *Allocator) place(start guest.Addr) guest.Addr {
	align := a.cfg.Layout.Alignment
	return (start + guest.Addr(a.cfg.Layout.RedZone+align-1)) &^ guest.Addr(align-1)
}

// payload is where the block in slot begins.
func (a *Allocator) payload(s *span, slot uint32) guest.Addr {
	align := a.cfg.Layout.Alignment
	if n := s.metas[slot].align; n != 0 {
		align = max(align, 1<<(n-1))
	}
	return (s.start(slot) + guest.Addr(a.cfg.Layout.RedZone+align-1)) &^ guest.Addr(align-1)
}

// block is the public description of the block in slot.
func (a *Allocator) block(s *span, slot uint32) tool.HeapBlock {
	m := &s.metas[slot]
	b := tool.HeapBlock{
		Addr: a.payload(s, slot), Size: s.size(slot), Kind: m.kind, Alloc: m.alloc, Free: m.free,
		Freed: m.state == stateFreed,
	}
	if m.align != 0 {
		b.Align = 1 << (m.align - 1)
	}
	return b
}

// addSpan makes a new span of class c and puts it first.
func (a *Allocator) addSpan(c int) error {
	cl := &a.classes[c]
	sp, err := a.pages.alloc(spanPages(cl.stride))
	if err != nil {
		return err
	}
	n := sp.npages * guest.PageSize / cl.stride
	metas, err := a.metas.get(c, int(n))
	if err != nil {
		a.pages.free(sp)
		return err
	}
	sp.metas, sp.class, sp.stride = metas, int32(c), cl.stride
	sp.inverse = (1<<inverseShift + cl.stride - 1) / cl.stride
	sp.bump, sp.used, sp.low = 0, 0, 0
	for i := range sp.taken {
		first := uint64(i) * 64
		switch {
		case first >= n:
			sp.taken[i] = ^uint64(0)
		case first+64 > n:
			sp.taken[i] = ^uint64(0) << (n - first)
		default:
			sp.taken[i] = 0
		}
	}
	a.pages.push(&cl.avail, sp)
	return nil
}

// takeSlot takes the first free slot of sp, which has one and is available in class cl; fresh says that it was never used since its
// memory was zero.
//
//go:nosplit
func (a *Allocator) takeSlot(cl *class, sp *span) (slot uint32, fresh bool) {
	w := sp.low
	for w < maxSlots/64-1 && sp.taken[w] == ^uint64(0) {
		w++
	}
	sp.low = w
	bit := uint32(bits.TrailingZeros64(^sp.taken[w]))
	sp.taken[w] |= 1 << (bit & 63)
	slot = w*64 + bit
	if slot >= sp.bump {
		sp.bump = slot + 1
		fresh = sp.zero
	}
	sp.used++
	if int(sp.used) == len(sp.metas) {
		a.pages.remove(&cl.avail, sp)
	}
	return slot, fresh
}

// minSpan is the least length of a span for slots, so that small classes don't make a span of every page.
const minSpan = 32 << 10

// spanPages is the length of a span for slots of stride bytes: at least eight slots.
func spanPages(stride uint64) uint64 {
	return (max(minSpan, 8*stride) + guest.PageSize - 1) / guest.PageSize
}

// releaseSmall puts a slot back; an empty span goes back to the page heap unless it is its class's only one with space.
func (a *Allocator) releaseSmall(sp *span, slot uint32) {
	last := a.emptied(sp)
	a.putSlot(sp, slot)
	if last {
		a.pages.remove(&a.classes[sp.class].avail, sp)
		a.metas.put(int(sp.class), sp.metas)
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
	sp.metas[slot].state = stateUnused
	w := slot / 64
	sp.taken[w] &^= 1 << (slot & 63)
	sp.low = min(sp.low, w)
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
