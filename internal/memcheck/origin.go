package memcheck

import (
	"sync"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/shadow"
	"gogrind/internal/tool"
)

// origins says where undefined values come from. Fast code does not know of origins: what is undefined there is undefined since it
// was allocated, so its origin follows from its address. Only copies of undefined values, which exact code makes, are remembered.
//
// Locking: mu guards both tables and is held for look-ups only.
type origins struct {
	mu     sync.Mutex
	ids    map[origin]uint32
	list   []origin              // by number - 1
	copies map[guest.Addr]uint32 // 8-byte words that hold copies
}

// maxCopies bounds the memory for copies; what is dropped has an unknown origin, or that of its place.
const maxCopies = 1 << 20

// word is the number of bytes that share the origin of a copy.
const word = 8

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

// store notes that the bytes at a are copies with V bits v.
func (o *origins) store(a guest.Addr, v []byte, n uint32) {
	undefined := false
	for _, b := range v {
		undefined = undefined || b != 0
	}
	if !undefined {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.copies == nil || len(o.copies) >= maxCopies {
		o.copies = make(map[guest.Addr]uint32)
	}
	for w := a &^ (word - 1); w < a+guest.Addr(len(v)); w += word {
		o.copies[w] = n
	}
}

// mark notes that v made r undefined. Of a huge r the rest has an unknown origin.
func (o *origins) mark(r guest.Range, v origin) {
	n := o.id(v)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.copies == nil {
		o.copies = make(map[guest.Addr]uint32)
	}
	for w := r.Start &^ (word - 1); w < r.End && len(o.copies) < maxCopies; w += word {
		o.copies[w] = n
	}
}

// forget drops what is known of copies in r, which has been allocated anew.
func (o *origins) forget(r guest.Range) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.copies) == 0 {
		return
	}
	if r.Len()/word > uint64(len(o.copies)) {
		for a := range o.copies {
			if r.Contains(a) {
				delete(o.copies, a)
			}
		}
		return
	}
	for w := r.Start &^ (word - 1); w < r.End; w += word {
		delete(o.copies, w)
	}
}

// load is the origin of the first undefined byte of the n bytes at a, which x's thread reads.
func (o *origins) load(x *registers, a guest.Addr, n int) uint32 {
	for i := range guest.Addr(n) {
		b := a + i
		if s := x.m.shadow.At(b); s == shadow.Defined || shadow.IsNoAccess(s) {
			continue
		}
		o.mu.Lock()
		id, ok := o.copies[b&^(word-1)]
		o.mu.Unlock()
		if ok {
			return id
		}
		v, ok := x.m.placeOrigin(x.t, b)
		if !ok {
			return 0
		}
		return o.id(v)
	}
	return 0
}

// placeOrigin is the origin of undefined memory that was never stored to, by where it lies.
func (m *Memcheck) placeOrigin(t tool.Thread, a guest.Addr) (origin, bool) {
	if h := m.host.Heap(); h != nil {
		if b, ok := h.Near(a); ok && !b.Freed && b.Range().Contains(a) {
			return origin{kind: originHeap, stack: b.Alloc}, true
		}
	}
	if !t.Stack().Contains(a) {
		return origin{}, false
	}
	_, pc, ok := m.frameOf(t, a)
	if regs := t.Regs(); !ok && uint64(a) < regs.GPR[guest.RSP] && regs.GPR[guest.RSP]-uint64(a) <= stackRedZone {
		pc, ok = guest.Addr(regs.RIP), true // a leaf function works without a frame
	}
	if ok {
		return origin{kind: originStack, stack: uint32(m.stacks.Intern([]guest.Addr{m.begin(pc)}))}, true
	}
	return origin{}, false
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
