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

// broken is the memory from brk that a is in.
func (o *origins) broken(a guest.Addr) (marked, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := sort.Search(len(o.breaks), func(i int) bool { return o.breaks[i].End > a })
	if i == len(o.breaks) || a < o.breaks[i].Start {
		return marked{}, false
	}
	return o.breaks[i], true
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

// retagAhead is how much of the block or frame behind a load gets tags along with it, as structures are copied in pieces.
const retagAhead = 256

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
			p, ok := m.placeOf(x.t, b)
			if !ok {
				return id
			}
			tag = o.id(p.origin)
			p.Start, p.End = b, min(p.End, b+retagAhead)
			if m.hasCustom() { // places in places
				p.End = min(p.End, end)
			}
			if p.End > b {
				m.shadow.Retag(p.Range, tag)
				b = min(p.End-1, b|(guest.TagWord-1))
			}
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

// place is what holds undefined memory without a tag: a block, or a frame of a stack.
type place struct {
	origin
	guest.Range
	frame int // its number
}

// placeOf is the place of a for t, which accesses it.
func (m *Memcheck) placeOf(t tool.Thread, a guest.Addr) (p place, ok bool) {
	if b, ok := m.origins.broken(a); ok {
		return place{origin: b.origin, Range: b.Range}, true
	}
	if b, ok := m.customAt(a); ok {
		return place{origin: origin{kind: originHeap, stack: b.Alloc}, Range: b.Range()}, true
	}
	if t.Stack().Contains(a) { // which may be in a block of the heap
		if p, ok := m.stackPlace(t, a); ok {
			return p, true
		}
	}
	if h := m.host.Heap(); h != nil {
		if b, ok := h.Near(a); ok && !b.Freed && b.Range().Contains(a) {
			return place{origin: origin{kind: originHeap, stack: b.Alloc}, Range: b.Range()}, true
		}
	}
	return place{}, false
}

// stackPlace is the frame of t's stack that holds a. The range of what lies below the stack pointer is empty: it must not get tags, as
// the next frame there begins without clearing them.
func (m *Memcheck) stackPlace(t tool.Thread, a guest.Addr) (p place, ok bool) {
	var pc guest.Addr
	if s, is := m.host.(stackReader); is {
		p.frame, p.Range, pc, ok = s.FrameOf(t, nil, a)
	}
	if regs := t.Regs(); !ok && uint64(a) < regs.GPR[guest.RSP] && regs.GPR[guest.RSP]-uint64(a) <= stackRedZone {
		pc, ok = guest.Addr(regs.RIP), true // a leaf function works without a frame
		p.Range = guest.Range{Start: a, End: a}
	}
	if ok {
		p.origin = origin{kind: originStack, stack: uint32(m.stacks.Intern([]guest.Addr{m.begin(pc)}))}
	}
	return p, ok
}

// ownFrame is the number of the origin of a if that lies in the frame of the function that t is in, else 0. What compilers address by the
// stack pointer and a constant is there always, or never.
func (m *Memcheck) ownFrame(t tool.Thread, a guest.Addr) uint32 {
	p, ok := m.placeOf(t, a)
	if !ok || p.kind != originStack || p.frame != 0 {
		return 0
	}
	return m.origins.id(p.origin)
}

// begin is the start of the function that pc is in, where Memcheck says that its frame was allocated.
func (m *Memcheck) begin(pc guest.Addr) guest.Addr {
	if symbols, ok := m.host.Symbols().(*debuginfo.Space); ok {
		return symbols.Begin(pc)
	}
	return pc
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
