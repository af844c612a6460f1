package memcheck

import (
	"sort"
	"sync"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/shadow"
	"gogrind/internal/tool"
)

// origins numbers where undefined values come from. What was never stored to is undefined since it was allocated, so its origin follows
// from its address. Numbers stand for it from the time on when it is loaded: the shadow keeps them for memory (shadow.Map.StoreV), as
// tags, and registers have theirs in vbits.Origins.
//
// Locking: mu guards all and is held for look-ups only.
type origins struct {
	mu     sync.Mutex
	ids    map[origin]uint32
	list   []origin // by number - 1
	breaks []marked // memory from brk, in the order of its making
}

// marked is memory with an origin that its place doesn't tell.
type marked struct {
	guest.Range
	origin
}

func (o *origins) id(v origin) uint32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n, ok := o.ids[v]; ok {
		return n
	}
	if o.ids == nil {
		o.ids = make(map[origin]uint32)
	}
	o.list = append(o.list, v)
	n := uint32(len(o.list))
	o.ids[v] = n
	return n
}

func (o *origins) get(n uint32) origin {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n == 0 || int(n) > len(o.list) {
		return origin{}
	}
	return o.list[n-1]
}

// broke notes that brk made r.
func (o *origins) broke(r guest.Range, v origin) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.breaks) > 0 && o.breaks[len(o.breaks)-1].End > r.Start { // it had been given back
		last := &o.breaks[len(o.breaks)-1]
		if last.End = r.Start; last.Start < last.End {
			break
		}
		o.breaks = o.breaks[:len(o.breaks)-1]
	}
	o.breaks = append(o.breaks, marked{r, v})
}

// broken is the origin of memory from brk.
func (o *origins) broken(a guest.Addr) (origin, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := sort.Search(len(o.breaks), func(i int) bool { return o.breaks[i].End > a })
	if i == len(o.breaks) || a < o.breaks[i].Start {
		return origin{}, false
	}
	return o.breaks[i].origin, true
}

// maxMarked is how much memory gets the origin that a request gives it; the rest of a huge piece has that of its place.
const maxMarked = 8 << 20

// mark notes that v made r undefined.
func (m *Memcheck) mark(r guest.Range, v origin) {
	r.End = min(r.End, r.Start+maxMarked)
	m.shadow.Retag(r, m.origins.id(v))
}

// maxRetagged is the longest load whose bytes get tags. Longer ones are copies, whose destination has them.
const maxRetagged = 64

// load is the origin of the first undefined byte of the n bytes at a, which x's thread reads. Those without a tag get one, so that
// translated code, which does not know what follows from an address, may load them the next time.
func (o *origins) load(x *registers, a guest.Addr, n int) (id uint32) {
	m := x.m
	for b, end := a, a+guest.Addr(n); b < end; b++ {
		s := m.shadow.At(b)
		if s == shadow.Defined || shadow.IsNoAccess(s) {
			continue
		}
		tag := m.shadow.Tag(b, s)
		if tag == 0 {
			v, ok := m.placeOrigin(x.t, b)
			if !ok {
				return id
			}
			tag = o.id(v)
			next := b&^(guest.TagWord-1) + guest.TagWord
			m.shadow.Retag(guest.Range{Start: b, End: min(end, next)}, tag)
			b = next - 1
		}
		if id == 0 {
			id = tag
		}
		if n > maxRetagged {
			break
		}
	}
	return id
}

// placeOrigin is the origin of undefined memory without a tag, by where it lies.
func (m *Memcheck) placeOrigin(t tool.Thread, a guest.Addr) (origin, bool) {
	if o, ok := m.origins.broken(a); ok {
		return o, true
	}
	if b, ok := m.customAt(a); ok {
		return origin{kind: originHeap, stack: b.Alloc}, true
	}
	if h := m.host.Heap(); h != nil {
		if b, ok := h.Near(a); ok && !b.Freed && b.Range().Contains(a) {
			return origin{kind: originHeap, stack: b.Alloc}, true
		}
	}
	if !t.Stack().Contains(a) {
		return origin{}, false
	}
	_, pc, ok := m.frameAt(t, a)
	if !ok {
		return origin{}, false
	}
	return m.frameOrigin(pc), true
}

// frameAt is frameOf, and knows that a leaf function works without a frame.
func (m *Memcheck) frameAt(t tool.Thread, a guest.Addr) (n int, pc guest.Addr, ok bool) {
	n, pc, ok = m.frameOf(t, a)
	if regs := t.Regs(); !ok && uint64(a) < regs.GPR[guest.RSP] && regs.GPR[guest.RSP]-uint64(a) <= stackRedZone {
		n, pc, ok = 0, guest.Addr(regs.RIP), true
	}
	return n, pc, ok
}

// frameOrigin is the origin of what is undefined in the frame of the function that pc is in.
func (m *Memcheck) frameOrigin(pc guest.Addr) origin {
	return origin{kind: originStack, stack: uint32(m.stacks.Intern([]guest.Addr{m.begin(pc)}))}
}

// ownFrame is the number of the origin of a if that lies in the frame of the function that t is in, else 0. What compilers address by the
// stack pointer and a constant is there always, or never.
func (m *Memcheck) ownFrame(t tool.Thread, a guest.Addr) uint32 {
	if _, ok := m.origins.broken(a); ok || !t.Stack().Contains(a) {
		return 0
	}
	if h := m.host.Heap(); h != nil {
		if b, ok := h.Near(a); ok && !b.Freed && b.Range().Contains(a) { // a stack in a block
			return 0
		}
	}
	n, pc, ok := m.frameAt(t, a)
	if !ok || n != 0 {
		return 0
	}
	return m.origins.id(m.frameOrigin(pc))
}

// begin is the start of the function that pc is in, where Memcheck says that its frame was allocated.
func (m *Memcheck) begin(pc guest.Addr) guest.Addr {
	symbols, ok := m.host.Symbols().(*debuginfo.Space)
	if !ok {
		return pc
	}
	f := symbols.Frames(pc, nil)
	return pc - guest.Addr(f[len(f)-1].Offset)
}

// originOf is what findings show of origin number n.
func (m *Memcheck) originOf(n uint32) origin {
	if !m.opts.origins {
		return origin{}
	}
	if o := m.origins.get(n); o.kind != originNone {
		return o
	}
	return origin{kind: originUnknown}
}
