// Package shadow keeps one byte of state for each byte of guest memory: may it be accessed, and is it defined.
//
// The shadow of guest byte a is the byte at a + Distance, so translated code reaches it with the guest's own addressing
// mode and another segment base. The package maps and unmaps the shadow of guest mappings and does the bulk operations;
// the per-access checks are generated code. V bits of partly defined bytes are the shadow byte itself where they fit, and in a
// table beside it where they don't. It knows nothing of blocks, stacks or errors.
//
// Invariants: a byte of guest memory without shadow mapping ("not backed") counts as no-access; so do the bytes of a
// backed shadow page whose guest page isn't mapped. A fresh shadow page is the kernel's zero page, that is defined, so
// text, data and file mappings cost nothing.
//
// Locking: Map.mu guards the list of backed pages. Operations on shadow bytes hold it for reading, so that no other
// thread can unmap what they touch; bytes themselves are not locked: guest threads race for them as for their data.
package shadow

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

// Values of a shadow byte. All others are partly defined bytes: 0x01-0x7f and 0xc0-0xfe (see guest.ShadowBeside), so that no-access bytes are
// exactly those with bit 7 set and bit 6 clear.
const (
	Defined   byte = 0x00
	Undefined byte = 0xff
	NoAccess  byte = 0x80
)

// IsNoAccess reports whether shadow byte v forbids access.
func IsNoAccess(v byte) bool { return v&0xc0 == 0x80 }

// Kind says what is wrong with the first bad byte that Check found.
type Kind uint8

const (
	OK            Kind = iota // addressable and defined
	Unaddressable             // no access
	Undef                     // addressable, not (or not wholly) defined
)

func (k Kind) String() string {
	return [...]string{"ok", "unaddressable", "undefined"}[k]
}

// HugeNoAccess is the length from which NoAccess drops the shadow's pages instead of writing to them: below it a fill
// is cheaper than the page faults and the mapping that come back later.
const HugeNoAccess = 16 << 20

// hugeDefined is the length from which MakeDefined maps new pages, which read as zero.
const hugeDefined = 1 << 20

// Map is the shadow of the guest's address space. The zero value is not usable; see New.
type Map struct {
	dist  uint64
	limit guest.Addr // guest addresses from here on have no shadow

	mu       sync.RWMutex
	template int    // descriptor of a file of Undefined, 0 for none; immutable
	pagemap  int    // descriptor of this process's table of pages, 0 for none; immutable
	partly   partly // V bits that have no room in the shadow
	backed   spans  // shadow pages that are mapped, as shadow addresses; guarded by mu
	fresh    spans  // pages of the template among them, and some that were; guarded by mu
	tags     tags
}

// New makes the map for guest addresses below limit. The address range [distance, distance+limit) must be the caller's
// to map over: a PROT_NONE reservation.
func New(distance uint64, limit guest.Addr) *Map {
	return &Map{dist: distance, limit: limit}
}

// NewGuest makes the map of the whole guest at the place that package guest fixes.
func NewGuest() *Map { return New(guest.ShadowDistance, guest.MaxAddr) }

// Distance is K of shadow(a) = a + K.
func (m *Map) Distance() uint64 { return m.dist }

// clip cuts r to the guest addresses that can have a shadow.
func (m *Map) clip(r guest.Range) guest.Range {
	if r.End > m.limit || r.End < r.Start {
		r.End = m.limit
	}
	if r.Start > m.limit {
		r.Start = m.limit
	}
	return r
}

func (m *Map) shadowOf(r guest.Range) (s, e uint64) {
	return uint64(r.Start) + m.dist, uint64(r.End) + m.dist
}

const pageMask = guest.PageSize - 1

// Map makes the shadow of a new guest mapping: addressable and defined.
func (m *Map) Map(r guest.Range) error { return m.mapWith(r, asIs) }

// MapHuge is Map for memory whose shadow is going to be written to all over: it asks for huge pages.
func (m *Map) MapHuge(r guest.Range) error { return m.mapWith(r, wantHuge) }

// asIs leaves new shadow [s, e) as the kernel maps it.
func asIs(s, e uint64) {}

// mapWith is Map, and calls f for new shadow before anything is written there.
func (m *Map) mapWith(r guest.Range, f func(s, e uint64)) error {
	r = m.clip(r)
	if r.Empty() {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	// What is backed already may hold the state of a mapping that this one replaces, and the pages at the ends belong
	// to the neighbours in part: they must be cleared, not mapped anew. What is new is zero, that is defined.
	m.zero(r)
	return m.backWith(r, f)
}

// Unmap drops the shadow of guest memory that is gone.
func (m *Map) Unmap(r guest.Range) error {
	r = m.clip(r)
	if r.Empty() {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.drop(r)
}

// MakeNoAccess forbids all access to r.
func (m *Map) MakeNoAccess(r guest.Range) {
	r = m.clip(r)
	if r.Empty() {
		return
	}
	if r.Len() >= HugeNoAccess {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.drop(r) == nil {
			return
		}
		m.fillBacked(r, NoAccess)
		return
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	m.fillBacked(r, NoAccess)
}

// MakeUndefined makes r addressable, with undefined contents.
func (m *Map) MakeUndefined(r guest.Range) {
	if r = m.clip(r); r.Len() >= HugeUndefined && m.template != 0 {
		m.undefinedHuge(r)
		return
	}
	m.set(r, Undefined)
}

// MakeDefined makes r addressable and defined.
func (m *Map) MakeDefined(r guest.Range) {
	if n := r.Len(); n >= Large && n < hugeDefined && m.isFresh(r) {
		m.renew(r)
	}
	m.set(r, Defined)
}

func (m *Map) set(r guest.Range, v byte) {
	r = m.clip(r)
	if r.Empty() {
		return
	}
	m.mu.RLock()
	s, e := m.shadowOf(r)
	if !m.backed.covers(s, e) {
		// Somebody takes into use what was one huge area without access.
		m.mu.RUnlock()
		m.mu.Lock()
		err := m.back(r)
		m.mu.Unlock()
		if err != nil {
			return // no memory for shadow: the range stays without access, which reports but does not crash
		}
		m.mu.RLock()
	}
	defer m.mu.RUnlock()
	if v == Defined {
		m.zero(r)
		return
	}
	m.fillBacked(r, v)
}

// MakeDefinedIfAddressable makes those bytes of r defined that may be accessed.
func (m *Map) MakeDefinedIfAddressable(r guest.Range) {
	m.Fill(r)
	r = m.clip(r)
	m.mu.RLock()
	defer m.mu.RUnlock()
	s, e := m.shadowOf(r)
	m.backed.within(s, e, func(s, e uint64) bool {
		keepNoAccess(s, e)
		return true
	})
}

// Copy gives the n bytes at to the state of those at from. The ranges may overlap. Source bytes without shadow count as
// no-access; destination bytes without shadow are made to have one.
func (m *Map) Copy(from, to guest.Addr, n uint64) {
	src := m.clip(guest.Range{Start: from, End: from + guest.Addr(n)})
	dst := m.clip(guest.Range{Start: to, End: to + guest.Addr(n)})
	n = min(src.Len(), dst.Len())
	if n == 0 || from == to {
		return
	}
	m.partly.moved(src.Start, dst.Start, n)
	m.copyTags(src.Start, dst.Start, n)
	src.End, dst.End = src.Start+guest.Addr(n), dst.Start+guest.Addr(n)
	if n >= Large && m.isFresh(dst) {
		if _, k := m.Check(src); k == OK {
			m.MakeDefined(dst)
			return
		}
	}
	s, d := uint64(src.Start)+m.dist, uint64(dst.Start)+m.dist
	m.mu.RLock()
	whole := m.backed.covers(s, s+n) && m.backed.covers(d, d+n)
	if whole {
		move(d, s, n)
	}
	m.mu.RUnlock()
	if whole {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	// In pieces, because a hole has nothing to copy; from the end when the ranges overlap that way round.
	const piece = 64 << 10
	buf := make([]byte, min(n, piece))
	for done := uint64(0); done < n; {
		k := min(n-done, piece)
		off := done
		if d > s {
			off = n - done - k
		}
		m.loadLocked(buf[:k], s+off)
		at := dst.Start + guest.Addr(off)
		if m.back(guest.Range{Start: at, End: at + guest.Addr(k)}) == nil {
			store(d+off, buf[:k])
		}
		done += k
	}
}

// Move gives the shadow of the pages from to the pages to, and drops the shadow of from: what mremap does to the guest's
// memory. Lengths are equal and the ranges are disjoint. It costs no time in proportion to the length.
func (m *Map) Move(from, to guest.Range) error {
	from, to = m.clip(from), m.clip(to)
	n := min(from.Len(), to.Len())
	if n == 0 {
		return nil
	}
	m.partly.moved(from.Start, to.Start, n)
	m.copyTags(from.Start, to.Start, n)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.drop(to); err != nil {
		return err
	}
	s, d := uint64(from.Start)+m.dist, uint64(to.Start)+m.dist
	inS, inE := (s+pageMask)&^uint64(pageMask), (s+n)&^uint64(pageMask)
	for _, p := range [2]span{{s, inS}, {inE, s + n}} {
		buf := make([]byte, p.e-p.s)
		m.loadLocked(buf, p.s)
		at := guest.Addr(p.s - s + d - m.dist)
		if err := m.back(guest.Range{Start: at, End: at + guest.Addr(len(buf))}); err != nil {
			return err
		}
		store(p.s-s+d, buf)
	}
	var failed error
	var moved []span
	m.backed.within(inS, inE, func(a, b uint64) bool {
		if err := movePages(a, a-s+d, b-a); err != nil {
			failed = fmt.Errorf("shadow: moving %v to %v: %w", from, to, err)
			return false
		}
		moved = append(moved, span{a - s + d, b - s + d})
		return true
	})
	for _, p := range moved {
		m.backed.add(p.s, p.e)
	}
	if err := m.drop(from); err != nil {
		return err
	}
	return failed
}

// loadLocked copies the shadow bytes at s to p, holes as no-access. The caller holds mu.
func (m *Map) loadLocked(p []byte, s uint64) {
	for i := range p {
		p[i] = NoAccess
	}
	m.backed.within(s, s+uint64(len(p)), func(a, b uint64) bool {
		load(p[a-s:b-s], a)
		return true
	})
}

// Check looks for the first byte of r that may not be accessed or isn't wholly defined.
func (m *Map) Check(r guest.Range) (guest.Addr, Kind) { return m.find(r, firstNonzero) }

// FirstNoAccess looks for the first byte of r that may not be accessed.
func (m *Map) FirstNoAccess(r guest.Range) (guest.Addr, bool) {
	a, k := m.find(r, firstNoAccess)
	return a, k == Unaddressable
}

// FirstUndefined looks for the first byte of r that may be accessed and is not, or not wholly, defined.
func (m *Map) FirstUndefined(r guest.Range) (guest.Addr, bool) {
	for r.Start < r.End {
		a, k := m.find(r, firstNonzero)
		switch k {
		case OK:
			return 0, false
		case Undef:
			return a, true
		}
		next, ok := m.FirstAccessible(guest.Range{Start: a, End: r.End})
		if !ok {
			return 0, false
		}
		r.Start = next
	}
	return 0, false
}

// FirstAccessible looks for the first byte of r that may be accessed.
func (m *Map) FirstAccessible(r guest.Range) (guest.Addr, bool) {
	r = m.clip(r)
	m.mu.RLock()
	defer m.mu.RUnlock()
	s, e := m.shadowOf(r)
	var at uint64
	ok := false
	m.backed.within(s, e, func(a, b uint64) bool {
		at = firstAccessible(a, b)
		ok = at < b
		return !ok
	})
	return guest.Addr(at - m.dist), ok
}

func (m *Map) find(r guest.Range, scan func(s, e uint64) uint64) (guest.Addr, Kind) {
	if r.Empty() {
		return 0, OK
	}
	c := m.clip(r)
	m.mu.RLock()
	defer m.mu.RUnlock()
	s, e := m.shadowOf(c)
	at, kind := s, OK
	m.backed.within(s, e, func(a, b uint64) bool {
		if a > at {
			kind = Unaddressable // a hole before a
			return false
		}
		at = scan(a, b)
		if at < b {
			kind = Undef
			if IsNoAccess(peek(at)) {
				kind = Unaddressable
			}
			return false
		}
		return true
	})
	if kind == OK && at == e && c == r {
		return 0, OK
	}
	if kind == OK {
		kind = Unaddressable // a hole at the end, or beyond the guest
	}
	return guest.Addr(at - m.dist), kind
}

// At is the shadow byte of a.
func (m *Map) At(a guest.Addr) byte {
	if a >= m.limit {
		return NoAccess
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	s := uint64(a) + m.dist
	if !m.backed.covers(s, s+1) {
		return NoAccess
	}
	return peek(s)
}

// Backed reports whether all of r has shadow pages: translated code may write to them.
func (m *Map) Backed(r guest.Range) bool {
	r = m.clip(r)
	m.mu.RLock()
	defer m.mu.RUnlock()
	s, e := m.shadowOf(r)
	return m.backed.covers(s, e)
}

// Load copies the shadow bytes of the guest memory at a to p.
func (m *Map) Load(p []byte, a guest.Addr) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	m.loadLocked(p, uint64(a)+m.dist)
}

// fillBacked writes v to the backed part of r's shadow. The caller holds mu.
func (m *Map) fillBacked(r guest.Range, v byte) {
	s, e := m.shadowOf(r)
	m.backed.within(s, e, func(s, e uint64) bool {
		fill(s, e, v)
		return true
	})
}

// zero makes the backed part of r defined; whole pages of long ranges are mapped anew, which keeps them free of
// memory. The caller holds mu.
func (m *Map) zero(r guest.Range) {
	s, e := m.shadowOf(r)
	m.backed.within(s, e, func(s, e uint64) bool {
		ps, pe := (s+pageMask)&^uint64(pageMask), e&^uint64(pageMask)
		if pe > ps && pe-ps >= hugeDefined && mapZero(ps, pe) == nil {
			fill(s, ps, Defined)
			fill(pe, e, Defined)
			return true
		}
		fillSparse(s, e)
		return true
	})
}

// back maps the missing shadow pages of r. Bytes of the new pages that lie outside r are made no-access: nobody has
// mapped their guest page. The caller holds mu for writing.
func (m *Map) back(r guest.Range) error {
	return m.backWith(r, asIs)
}

// backWith is back, and calls f for what it maps before anything is written there.
func (m *Map) backWith(r guest.Range, f func(s, e uint64)) error {
	s, e := m.shadowOf(r)
	ps, pe := s&^uint64(pageMask), (e+pageMask)&^uint64(pageMask)
	for _, gap := range m.backed.gaps(ps, pe) {
		if err := mapZero(gap.s, gap.e); err != nil {
			return fmt.Errorf("shadow: mapping %#x-%#x for guest memory %v: %w", gap.s, gap.e, r, err)
		}
		m.backed.add(gap.s, gap.e)
		f(gap.s, gap.e)
		if gap.s < s {
			fill(gap.s, s, NoAccess)
		}
		if gap.e > e {
			fill(e, gap.e, NoAccess)
		}
	}
	return nil
}

// drop takes the shadow of r away: whole pages are given back, the ends of pages that neighbours use become no-access.
// The caller holds mu for writing.
func (m *Map) drop(r guest.Range) error {
	s, e := m.shadowOf(r)
	m.fillEnds(s, e)
	ps, pe := s&^uint64(pageMask), (e+pageMask)&^uint64(pageMask)
	// A page at an end goes too when the neighbour has no accessible byte left on it.
	if ps < s && !m.unused(ps) {
		ps += guest.PageSize
	}
	if pe > e && pe > ps && !m.unused(pe-guest.PageSize) {
		pe -= guest.PageSize
	}
	if pe <= ps {
		return nil
	}
	if err := unmapReserve(ps, pe); err != nil {
		return fmt.Errorf("shadow: unmapping %#x-%#x of guest memory %v: %w", ps, pe, r, err)
	}
	m.backed.remove(ps, pe)
	m.fresh.remove(ps, pe)
	return nil
}

// fillEnds makes the bytes of [s, e) on its first and last page no-access.
func (m *Map) fillEnds(s, e uint64) {
	first := min(e, (s+pageMask)&^uint64(pageMask))
	last := max(first, e&^uint64(pageMask))
	for _, p := range [2]span{{s, first}, {last, e}} {
		m.backed.within(p.s, p.e, func(a, b uint64) bool {
			fill(a, b, NoAccess)
			return true
		})
	}
}

// unused reports whether the shadow page at p is backed by nothing that a guest may access.
func (m *Map) unused(p uint64) bool {
	if !m.backed.covers(p, p+guest.PageSize) {
		return true
	}
	return firstAccessible(p, p+guest.PageSize) == p+guest.PageSize
}

// mapZero maps [s, e) with zero pages, over the reservation.
func mapZero(s, e uint64) error {
	return mmapFixed(s, e, unix.PROT_READ|unix.PROT_WRITE)
}

// unmapReserve turns [s, e) into reservation again.
func unmapReserve(s, e uint64) error { return mmapFixed(s, e, unix.PROT_NONE) }

func mmapFixed(s, e uint64, prot uintptr) error {
	const flags = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE | unix.MAP_FIXED
	_, _, errno := unix.Syscall6(unix.SYS_MMAP, uintptr(s), uintptr(e-s), prot, flags, ^uintptr(0), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// movePages moves the pages [s, s+n) to d. The source stays mapped, with zero pages, so that nobody else's mapping can
// come to lie there. A range that the kernel keeps as several areas is moved area by area.
func movePages(s, d, n uint64) error {
	const flags = unix.MREMAP_MAYMOVE | unix.MREMAP_FIXED | unix.MREMAP_DONTUNMAP
	_, _, errno := unix.Syscall6(unix.SYS_MREMAP, uintptr(s), uintptr(n), uintptr(n), flags, uintptr(d), 0)
	if errno == 0 {
		return nil
	}
	if errno != unix.EFAULT || n <= guest.PageSize {
		return errno
	}
	half := n / 2 &^ uint64(pageMask)
	if err := movePages(s, d, half); err != nil {
		return err
	}
	return movePages(s+half, d+half, n-half)
}
