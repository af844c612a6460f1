package shadow

import (
	"sync"
	"sync/atomic"

	"gogrind/internal/guest"
)

// beside is the shadow of a partly defined byte whose V bits cannot stand for themselves, because they would look like no-access:
// they are in Map.partly.
const beside byte = guest.ShadowBeside

// kept reports whether V bits v are kept beside the shadow.
func (m *Map) kept(v byte) bool {
	return IsNoAccess(v) || v == beside || v == guest.Tagged && m.tags.on
}

// partly holds V bits by guest address. An entry counts only while the byte's shadow is beside; others are left behind by what
// has overwritten them since.
type partly struct {
	mu   sync.Mutex
	v    map[guest.Addr]byte
	used atomic.Bool
}

// pruneAt is the number of entries from which on partly looks for those that have been left behind.
const pruneAt = 1 << 14

func (p *partly) get(a guest.Addr) byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v, ok := p.v[a]; ok {
		return v
	}
	return Undefined // overtaken by another thread
}

// moved is told that shadow bytes go from from to to. Few of them are looked up, as there may be many entries.
func (p *partly) moved(from, to guest.Addr, n uint64) {
	if !p.used.Load() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n < uint64(len(p.v)) {
		p.movedFew(from, to, n)
		return
	}
	var copied []guest.Addr
	for a := range p.v {
		if a >= from && uint64(a-from) < n {
			copied = append(copied, a)
		}
	}
	values := make([]byte, len(copied))
	for i, a := range copied {
		values[i] = p.v[a]
	}
	for i, a := range copied {
		p.v[a-from+to] = values[i]
	}
}

// movedFew looks at each byte, in the order that an overlap asks for.
func (p *partly) movedFew(from, to guest.Addr, n uint64) {
	for i := range guest.Addr(n) {
		if to > from {
			i = guest.Addr(n) - 1 - i
		}
		if v, ok := p.v[from+i]; ok {
			p.v[to+i] = v
		}
	}
}

// LoadV stores the V bits of the guest memory at a in v. Bytes that may not be accessed are undefined; addressable is false if
// there are any.
func (m *Map) LoadV(v []byte, a guest.Addr) (addressable bool) {
	m.Load(v, a)
	addressable = true
	for i, b := range v {
		switch {
		case b == Defined || b == Undefined:
		case IsNoAccess(b):
			v[i], addressable = Undefined, false
		case b == guest.Tagged && m.tags.on:
			v[i] = Undefined
		case b == beside:
			v[i] = m.partly.get(a + guest.Addr(i))
		}
	}
	return addressable
}

// StoreV gives those bytes of the guest memory at a that may be accessed the V bits v; addressable is false if there are others.
// Each byte's shadow changes at once, so that threads that store to neighbouring bytes don't disturb each other. With a tag other than
// 0, undefined bytes get it; without one, wholly undefined bytes have none.
func (m *Map) StoreV(a guest.Addr, v []byte, tag uint32) (addressable bool) {
	r := m.clip(guest.Range{Start: a, End: a + guest.Addr(len(v))})
	addressable = r.Len() == uint64(len(v))
	whole := Undefined
	if tag != 0 && m.tags.on && m.tags.store(r.Start, v[:r.Len()], tag) {
		whole = guest.Tagged
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	s, e := m.shadowOf(r)
	done := s
	m.backed.within(s, e, func(b, e uint64) bool {
		addressable = addressable && b == done
		done = e
		to := view(b, e)
		for i, x := range v[b-s : e-s] {
			if IsNoAccess(to[i]) {
				addressable = false
				continue
			}
			switch {
			case x == Undefined:
				x = whole
			case m.kept(x):
				m.keep(r.Start+guest.Addr(b-s)+guest.Addr(i), x)
				x = beside
			}
			to[i] = x
		}
		return true
	})
	return addressable && done == e
}

// keep puts V bits beside the shadow. The caller holds m.mu.
func (m *Map) keep(a guest.Addr, v byte) {
	p := &m.partly
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.v == nil {
		p.v = make(map[guest.Addr]byte)
	}
	if len(p.v) >= pruneAt {
		for a := range p.v {
			if s := uint64(a) + m.dist; !m.backed.covers(s, s+1) || peek(s) != beside {
				delete(p.v, a)
			}
		}
	}
	p.v[a] = v
	p.used.Store(true)
}
