package shadow

import (
	"sync"

	"gogrind/internal/guest"
)

// tags say where undefined bytes come from, by numbers that are the owner's. A word of memory has one tag, which counts for those of
// its bytes that are partly defined or whose shadow is guest.Tagged. Whoever makes a byte wholly undefined anew gives it the shadow
// Undefined, so that tags need not be cleared. The plane that holds them is mapped where one has been stored.
type tags struct {
	on   bool   // immutable
	dist uint64 // where the plane begins; immutable

	mu     sync.RWMutex // taken behind Map.mu, if both are
	backed spans        // pages of the plane that are mapped; guarded by mu
}

// tagChunk is how much of the plane is mapped at once, a power of two.
const tagChunk = 64 << 10

// of is the address of the tag of the guest byte a.
func (t *tags) of(a guest.Addr) uint64 { return t.dist + uint64(a)/guest.TagWord*guest.TagSize }

// UseTags makes the map keep tags, in a plane at dist (guest.TagDistance) that is the map's to map over. It is called before anything
// else.
func (m *Map) UseTags(dist uint64) { m.tags.on, m.tags.dist = true, dist }

// back makes sure that there is a plane for [s, e).
func (t *tags) back(s, e uint64) bool {
	t.mu.RLock()
	ok := t.backed.covers(s, e)
	t.mu.RUnlock()
	if ok {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, gap := range t.backed.gaps(s&^(tagChunk-1), (e+tagChunk-1)&^(tagChunk-1)) {
		if mapZero(gap.s, gap.e) != nil {
			return false
		}
		t.backed.add(gap.s, gap.e)
	}
	return true
}

// store gives the words of the bytes at a that are undefined in v a tag, and reports whether it could.
func (t *tags) store(a guest.Addr, v []byte, tag uint32) bool {
	for i, b := range v {
		if b == Defined {
			continue
		}
		s := t.of(a + guest.Addr(i))
		if !t.back(s, s+guest.TagSize) {
			return false
		}
		setTag(s, tag)
	}
	return true
}

// Tag is the tag of the undefined byte at a, whose shadow is v; 0 if it has none.
func (m *Map) Tag(a guest.Addr, v byte) uint32 {
	if !m.tags.on || v == Undefined || v == Defined || IsNoAccess(v) || a >= m.limit {
		return 0
	}
	t := &m.tags
	t.mu.RLock()
	defer t.mu.RUnlock()
	if s := t.of(a); t.backed.covers(s, s+guest.TagSize) {
		return getTag(s)
	}
	return 0
}

// Retag gives undefined bytes of r without a tag this one: what follows from their place is the same for all of r. Words that have another
// one already are left alone.
func (m *Map) Retag(r guest.Range, tag uint32) {
	r = m.clip(r)
	m.mu.RLock()
	defer m.mu.RUnlock()
	for w := r.Start &^ (guest.TagWord - 1); w < r.End; w += guest.TagWord {
		s := uint64(w) + m.dist
		if !m.backed.covers(s, s+guest.TagWord) || !m.tags.back(m.tags.of(w), m.tags.of(w)+guest.TagSize) {
			continue
		}
		old := getWord(s)
		now := old
		has := false
		for i := range guest.Addr(guest.TagWord) {
			switch b := byte(old >> (8 * i)); {
			case b == Undefined && r.Contains(w+i):
				now ^= uint64(Undefined^guest.Tagged) << (8 * i)
			case b != Undefined && b != Defined && !IsNoAccess(b):
				has = true
			}
		}
		if t := getTag(m.tags.of(w)); has && t != 0 && t != tag {
			continue
		}
		setTag(m.tags.of(w), tag)
		swapWord(s, old, now) // or another thread has stored there
	}
}

// copyTags copies the tags of n bytes at from to to. Words at the ends get them as a whole.
func (m *Map) copyTags(from, to guest.Addr, n uint64) {
	t := &m.tags
	if !t.on {
		return
	}
	t.mu.RLock()
	var parts []guest.Range
	t.backed.within(t.of(from), t.of(from+guest.Addr(n)-1)+guest.TagSize, func(s, e uint64) bool {
		word := func(s uint64) guest.Addr { return guest.Addr((s - t.dist) / guest.TagSize * guest.TagWord) }
		parts = append(parts, guest.Range{Start: max(word(s), from), End: min(word(e), from+guest.Addr(n))})
		return true
	})
	t.mu.RUnlock()
	for _, r := range parts {
		t.copy(r, to-from)
	}
}

// copy copies the tags of r to what lies distance bytes on. Words need not be words there.
func (t *tags) copy(r guest.Range, distance guest.Addr) {
	for a := r.Start; a < r.End; {
		next := min(r.End, a&^(guest.TagWord-1)+guest.TagWord)
		if tag := getTag(t.of(a)); tag != 0 { // that of a Tagged byte is not
			first, last := t.of(a+distance), t.of(next-1+distance)
			if !t.back(first, last+guest.TagSize) {
				return
			}
			setTag(first, tag)
			setTag(last, tag)
		}
		a = next
	}
}
