package heap

import (
	"math/bits"
	"slices"
	"sort"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

const (
	// firstArena and maxArena bound the growth of arenas: small programs stay small, and making an arena no-access in
	// the shadow writes its length once.
	firstArena = 1 << 20
	maxArena   = 8 << 20
	// soloPages is the length in pages from which a block gets an arena of its own, given back when it goes.
	soloPages = maxArena / 2 / guest.PageSize
	// discardPages is the length from which the pages of a large block go back to the kernel when it is released, except for the last
	// keepBytes: a page that is touched for the first time costs more than to copy one.
	discardPages = 16
	keepBytes    = 4 << 20

	exactBins = 256
	numBins   = exactBins + 4 // 256-511, 512-1023, 1024-2047, 2048 and more pages
)

// pageHeap hands out runs of pages. Free runs are kept in bins by length and joined with their neighbours.
type pageHeap struct {
	arena   Arena
	discard func(guest.Range) error
	mapped  uint64
	grow    uint64
	kept    []guest.Range // free memory that could have gone back, oldest first; keepBytes at most
	arenas  []*arena      // ascending by base
	table   pageTable
	bins    [numBins]spanList
	solos   []*span // free solo spans, when the Arena can't take memory back

	// spans are all spans by number; number 0 is none. Lists of spans are made of numbers and not of pointers, because code that calls
	// no runtime (see quick) may not store pointers.
	spans []*span
	spare []*span // not in use
}

// newSpan makes a free span.
func (h *pageHeap) newSpan(base guest.Addr, npages uint64, zero bool) *span {
	var s *span
	if n := len(h.spare); n > 0 {
		s = h.spare[n-1]
		h.spare = h.spare[:n-1]
		*s = span{id: s.id}
	} else {
		s = &span{id: spanID(len(h.spans))}
		h.spans = append(h.spans, s)
	}
	s.base, s.npages, s.zero = base, npages, zero
	return s
}

// drop keeps a span that is not in use any more.
func (h *pageHeap) drop(s *span) {
	s.state = spanFree
	h.spare = append(h.spare, s)
}

// margin is left unused at both ends of an arena, so that a guest that misses its block by a little doesn't meet the end
// of the mapping: it would not without us.
const margin = guest.PageSize

// arena is one piece of guest memory, without its margins. That of a solo span is not in the table of pages.
type arena struct {
	base, end guest.Addr
	solo      *span
}

// at returns the span that holds p, nil if there's none.
func (h *pageHeap) at(p guest.Addr) *span {
	if sp := h.table.at(p); sp != nil {
		return sp
	}
	lo, hi := 0, len(h.arenas)
	for lo < hi {
		m := int(uint(lo+hi) / 2)
		if h.arenas[m].end <= p {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo == len(h.arenas) || p < h.arenas[lo].base {
		return nil
	}
	return h.arenas[lo].solo
}

// next returns the first used span that ends after p, nil if there's none.
func (h *pageHeap) next(p guest.Addr) *span {
	i := sort.Search(len(h.arenas), func(i int) bool { return h.arenas[i].end > p })
	for ; i < len(h.arenas); i++ {
		ar := h.arenas[i]
		for p = max(p, ar.base); p < ar.end; {
			sp := h.at(p)
			if sp.state == spanUsed {
				return sp
			}
			p = sp.end()
		}
	}
	return nil
}

// roundRun is the length of the run for n pages: long ones have eight lengths for each power of two, so that a block which grows by a
// little again and again takes the place of one that was freed, and not a new one between two that are too short.
func roundRun(n uint64) uint64 {
	if n < discardPages {
		return n
	}
	unit := uint64(1) << (bits.Len64(n) - 4)
	return (n + unit - 1) &^ (unit - 1)
}

// keep has the free memory r stay with us.
func (h *pageHeap) keep(r guest.Range) {
	h.kept = append(h.kept, r)
	var sum uint64
	for i := len(h.kept) - 1; i >= 0; i-- {
		if sum += h.kept[i].Len(); sum > keepBytes {
			for _, old := range h.kept[:i+1] {
				h.discard(old)
			}
			h.kept = slices.Delete(h.kept, 0, i+1)
			return
		}
	}
}

// take tells that r is in use again.
func (h *pageHeap) take(r guest.Range) {
	for i := 0; i < len(h.kept); i++ {
		k := h.kept[i]
		if !k.Overlaps(r) {
			continue
		}
		before, behind := guest.Range{Start: k.Start, End: max(k.Start, r.Start)}, guest.Range{Start: min(k.End, r.End), End: k.End}
		switch {
		case before.Empty() && behind.Empty():
			h.kept = slices.Delete(h.kept, i, i+1)
			i--
		case before.Empty():
			h.kept[i] = behind
		default:
			h.kept[i] = before
			if !behind.Empty() {
				h.kept = slices.Insert(h.kept, i+1, behind)
			}
		}
	}
}

// alloc takes a run of n pages at least.
func (h *pageHeap) alloc(n uint64) (*span, error) {
	if n >= soloPages {
		return h.allocSolo(n)
	}
	n = roundRun(n)
	sp := h.fit(n)
	if sp == nil {
		h.grow = min(max(firstArena, 2*h.grow), maxArena)
		size := max(h.grow, (n*guest.PageSize+2*margin+firstArena-1)&^uint64(firstArena-1))
		base, err := h.arena.MapTool(size)
		if err != nil {
			return nil, err
		}
		if size >= 2*guest.HugePage {
			// Many small blocks, used for a while and then left in quarantine, are many pages. Without huge ones it is slower, no more.
			unix.RawSyscall(unix.SYS_MADVISE, uintptr(base), uintptr(size), unix.MADV_HUGEPAGE)
		}
		base += margin
		size -= 2 * margin
		if err := h.table.reserve(guest.Range{Start: base, End: base + guest.Addr(size)}); err != nil {
			return nil, err
		}
		h.addArena(&arena{base: base, end: base + guest.Addr(size)})
		sp = h.newSpan(base, size/guest.PageSize, true)
		h.mark(sp)
	} else {
		h.unbin(sp)
	}
	if rest := sp.npages - n; rest > 0 {
		tail := h.newSpan(sp.base+guest.Addr(n*guest.PageSize), rest, sp.zero)
		sp.npages = n
		h.mark(tail)
		h.bin(tail)
	}
	h.take(sp.bounds())
	sp.state, sp.class = spanUsed, -1
	return sp, nil
}

func (h *pageHeap) addArena(ar *arena) {
	h.mapped += uint64(ar.end-ar.base) + 2*margin
	i := sort.Search(len(h.arenas), func(i int) bool { return h.arenas[i].base > ar.base })
	h.arenas = append(h.arenas, nil)
	copy(h.arenas[i+1:], h.arenas[i:])
	h.arenas[i] = ar
}

// allocSolo takes n pages as an arena of their own.
func (h *pageHeap) allocSolo(n uint64) (*span, error) {
	for i, sp := range h.solos {
		// At most a quarter of the memory is wasted.
		if sp.npages >= n && sp.npages-n <= n/4 {
			h.solos = append(h.solos[:i], h.solos[i+1:]...)
			sp.state, sp.class = spanUsed, -1
			return sp, nil
		}
	}
	base, err := h.arena.MapTool(n*guest.PageSize + 2*margin)
	if err != nil {
		return nil, err
	}
	sp := h.newSpan(base+margin, n, true)
	sp.solo, sp.state, sp.class = true, spanUsed, -1
	h.addArena(&arena{base: sp.base, end: sp.end(), solo: sp})
	return sp, nil
}

// extend makes the run sp n pages long at least, if what is behind it is free.
func (h *pageHeap) extend(sp *span, n uint64) bool {
	if n = roundRun(n); n >= soloPages || sp.solo || sp.end() >= h.arenaOf(sp.base).end {
		return false
	}
	next := h.table.at(sp.end())
	if next.state != spanFree || sp.npages+next.npages < n {
		return false
	}
	h.unbin(next)
	more := guest.Range{Start: sp.end(), End: sp.base + guest.Addr(n*guest.PageSize)}
	if next.end() > more.End {
		next.npages -= more.Len() / guest.PageSize
		next.base = more.End
		h.bin(next)
	} else {
		h.drop(next)
	}
	h.take(more)
	sp.npages = n
	h.mark(sp)
	return true
}

// free takes a run back.
func (h *pageHeap) free(sp *span) {
	large := sp.class < 0
	sp.state, sp.metas, sp.bump, sp.used = spanFree, nil, 0, 0
	if large && sp.npages >= discardPages {
		if !sp.solo && sp.bounds().Len() <= keepBytes {
			h.keep(sp.bounds())
		} else {
			sp.zero = h.discard(sp.bounds()) == nil
		}
	}
	if sp.solo {
		h.freeSolo(sp)
		return
	}
	ar := h.arenaOf(sp.base)
	if sp.base > ar.base {
		if l := h.table.at(sp.base - 1); l.state == spanFree {
			h.unbin(l)
			l.npages += sp.npages
			l.zero = l.zero && sp.zero
			h.drop(sp)
			sp = l
		}
	}
	if sp.end() < ar.end {
		if r := h.table.at(sp.end()); r.state == spanFree {
			h.unbin(r)
			sp.npages += r.npages
			sp.zero = sp.zero && r.zero
			h.drop(r)
		}
	}
	h.mark(sp)
	h.bin(sp)
}

func (h *pageHeap) freeSolo(sp *span) {
	u, ok := h.arena.(Unmapper)
	if !ok || u.UnmapTool(guest.Range{Start: sp.base - margin, End: sp.end() + margin}) != nil {
		h.solos = append(h.solos, sp)
		return
	}
	i := sort.Search(len(h.arenas), func(i int) bool { return h.arenas[i].base >= sp.base })
	h.drop(sp)
	h.mapped -= uint64(h.arenas[i].end-h.arenas[i].base) + 2*margin
	h.arenas = append(h.arenas[:i], h.arenas[i+1:]...)
}

func (h *pageHeap) arenaOf(p guest.Addr) *arena {
	i := sort.Search(len(h.arenas), func(i int) bool { return h.arenas[i].end > p })
	return h.arenas[i]
}

// mark enters sp as owner of its pages.
func (h *pageHeap) mark(sp *span) {
	for p := sp.base; p < sp.end(); p += guest.PageSize {
		h.table.set(p, sp)
	}
}

func binOf(n uint64) int {
	if n < exactBins {
		return int(n)
	}
	b := exactBins
	for n >= 2*exactBins && b < numBins-1 {
		n /= 2
		b++
	}
	return b
}

func (h *pageHeap) bin(sp *span)   { h.push(&h.bins[binOf(sp.npages)], sp) }
func (h *pageHeap) unbin(sp *span) { h.remove(&h.bins[binOf(sp.npages)], sp) }

// fit returns a free run of at least n pages: of the first bin that has one, the first that is long enough.
func (h *pageHeap) fit(n uint64) *span {
	for b := binOf(n); b < numBins; b++ {
		for id := h.bins[b].first; id != 0; id = h.spans[id].next {
			if sp := h.spans[id]; sp.npages >= n {
				return sp
			}
		}
	}
	return nil
}
