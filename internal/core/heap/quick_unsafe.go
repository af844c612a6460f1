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

	fresh, gone [fillSize]byte // conf.Fresh and conf.Gone, for copying

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
	// fillSize is how much shadow is written by one copy.
	fillSize = 512
	// logSize is the number of events that are kept until the tool takes them.
	logSize = 4096
)

// Phases, see vcpu.Quick.
const (
	phaseStack = 1 // reads the stack: nothing has been done yet
	PhaseFill  = 2 // fills the new block, whose address is in rax: all else is done
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
		return a.quickAlloc(h, regs, g[guest.RDI], false, thread, phase)
	case roleCalloc:
		x, y := g[guest.RDI], g[guest.RSI]
		if (x|y)>>32 != 0 {
			return false
		}
		return a.quickAlloc(h, regs, x*y, true, thread, phase)
	case roleFree:
		return a.quickFree(h, regs, guest.Addr(g[guest.RDI]), phase)
	}
	return false
}

// quickStack is the number of the stack that thread is at; ok is false if that is not known.
//
//go:nosplit
func (a *Allocator) quickStack(h *quickHook, regs *guest.Regs, wanted bool, phase *uint64) (id uint32, ok bool) {
	if !wanted {
		return 0, true
	}
	*phase = phaseStack
	id, ok = a.quick.paths.Find(h.pc, regs)
	*phase = 0
	return id, ok
}

//go:nosplit
func (a *Allocator) quickAlloc(h *quickHook, regs *guest.Regs, size uint64, zero bool, thread uint64, phase *uint64) bool {
	align := a.cfg.Layout.Alignment
	need := max(size, 1) + align - 16
	if size > maxSmall || need > maxSmall {
		return false
	}
	id, ok := a.quickStack(h, regs, a.quick.conf.AllocStacks, phase)
	if !ok || !a.mu.try() {
		return false
	}
	cl := &a.classes[classOf(need)]
	sp := a.pages.spans[cl.avail.first]
	if sp == nil || a.quick.conf.Events && a.quick.logged == len(a.quick.log) {
		a.mu.leave()
		return false
	}
	slot, fresh := a.takeSlot(cl, sp)
	start := sp.base + guest.Addr(uint64(slot)*sp.stride)
	p := (start + guest.Addr(a.cfg.Layout.RedZone+align-1)) &^ guest.Addr(align-1)
	a.serial++
	m := &sp.metas[slot]
	// Field by field: a literal would be copied, by loads wider than the stores that made it.
	m.size, m.serial = size, a.serial
	m.alloc, m.free = id, 0
	m.thread, m.off = int32(thread), uint32(p-start)
	m.align, m.kind, m.state = 0, h.kind, stateLive
	a.stats.LiveBlocks++
	a.stats.LiveBytes += size
	a.count(size)
	if a.quick.conf.Events {
		a.note(p, size, id, false)
	}
	a.mu.leave()

	if k := a.quick.conf.Shadow; k != 0 {
		if zero {
			fill(uint64(p)+k, size, nil)
		} else {
			fill(uint64(p)+k, size, &a.quick.fresh)
		}
	}
	regs.GPR[guest.RAX] = uint64(p)
	if zero || !fresh && !a.cfg.Layout.Dirty {
		*phase = PhaseFill
		fill(uint64(p), size, nil)
		*phase = 0
	}
	return true
}

//go:nosplit
func (a *Allocator) quickFree(h *quickHook, regs *guest.Regs, p guest.Addr, phase *uint64) bool {
	if p == 0 {
		regs.GPR[guest.RAX] = 0
		return true
	}
	id, ok := a.quickStack(h, regs, a.quick.conf.FreeStacks, phase)
	if !ok || !a.mu.try() {
		return false
	}
	sp, slot, ok := a.find(p)
	if !ok || sp.class < 0 || sp.payload(slot) != p {
		a.mu.leave()
		return false
	}
	m := &sp.metas[slot]
	if m.state != stateLive || m.kind != h.kind || m.size >= a.cfg.Layout.BigBlock && a.cfg.Layout.Quarantine > 0 ||
		!a.quickRoom(sp, m.size) || a.quick.conf.Events && a.quick.logged == len(a.quick.log) {
		a.mu.leave()
		return false
	}
	m.state, m.free = stateFreed, id
	a.stats.LiveBlocks--
	a.stats.LiveBytes -= m.size
	a.stats.Frees++
	if k := a.quick.conf.Shadow; k != 0 {
		fill(uint64(p)+k, m.size, &a.quick.gone)
	}
	if a.quick.conf.Events {
		a.note(p, m.size, m.alloc, true)
	}
	if a.cfg.Layout.Quarantine > 0 {
		n := max(m.size, minHeld)
		a.quarantine.volume += n
		a.quarantine.small.put(held{n, sp.id, slot})
	} else {
		a.putSlot(sp, slot)
	}
	a.mu.leave()
	regs.GPR[guest.RAX] = 0
	return true
}

// quickRoom makes room in the quarantine for a block of size bytes, which is in sp, or reports that this is not its business:
// releasing the oldest blocks may have to go on with pages.
//
//go:nosplit
func (a *Allocator) quickRoom(sp *span, size uint64) bool {
	limit := a.cfg.Layout.Quarantine
	if limit == 0 {
		return a.quarantine.volume == 0 && !a.emptied(sp)
	}
	q := &a.quarantine
	for q.volume+max(size, minHeld) > limit {
		if !q.big.empty() || q.small.empty() {
			return false
		}
		h := q.small.first()
		old := a.pages.spans[h.span]
		if old.class < 0 || a.emptied(old) {
			return false
		}
		q.small.head++
		q.volume -= h.size
		a.putSlot(old, h.slot)
		// Its class will give it out soon, and it has not been used since it went to quarantine.
		at := uintptr(old.base) + uintptr(uint64(h.slot)*old.stride)
		prefetch(at+uintptr(a.quick.conf.Shadow), uintptr(min(old.stride, 512)))
		prefetch(at+uintptr(a.cfg.Layout.RedZone), 1)
	}
	if !q.small.empty() {
		// The next one will have to wait for its entry less.
		h := q.small.first()
		prefetch(uintptr(unsafe.Pointer(&a.pages.spans[h.span].metas[h.slot])), 1)
	}
	return !q.small.full()
}

// prefetch tells the processor that the lines of the n bytes at p will be used. They need not be there.
//
//go:noescape
func prefetch(p, n uintptr)

// note adds an event to the log, which has room. The caller holds mu.
//
//go:nosplit
func (a *Allocator) note(p guest.Addr, size uint64, stack uint32, free bool) {
	q := &a.quick
	e := &q.log[q.logged]
	q.logged++
	now := uint64(0)
	for _, v := range q.conf.Clock {
		now += v
	}
	e.Addr, e.Size, e.Time, e.Stack, e.Free = p, size, now, stack, free
}

// leave undoes try. On amd64 no store passes an older one, so a plain one is enough; an atomic one would wait for them all.
//
//go:nosplit
func (l *lock) leave() { *(*uint32)(unsafe.Pointer(&l.word)) = 0 }

// fill makes the n bytes at s what those of src are, which are all equal; nil: 0.
//
//go:nosplit
func fill(s, n uint64, src *[fillSize]byte) {
	if n == 0 {
		return
	}
	p := *(*unsafe.Pointer)(unsafe.Pointer(&s))
	b := unsafe.Slice((*byte)(p), int(n))
	if src == nil {
		clear(b)
		return
	}
	if n < 8 || n > 64 {
		for len(b) > 0 {
			b = b[copy(b, src[:]):]
		}
		return
	}
	w := *(*uint64)(unsafe.Pointer(src))
	for i := uint64(0); i+8 < n; i += 8 {
		*(*uint64)(unsafe.Add(p, i)) = w
	}
	*(*uint64)(unsafe.Add(p, n-8)) = w // may overlap the one before
}
