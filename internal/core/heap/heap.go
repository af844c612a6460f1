// Package heap is the allocator that replaces the guest's malloc and its relatives.
//
// It hands out blocks of guest memory with red zones at both sides, keeps freed blocks in quarantine, and is the index
// of blocks that tools ask (tool.Heap). families.go lists the functions that it replaces and what their arguments mean.
// It does not decide what an error is or how one looks: it calls tool.HeapReplacer. It doesn't find the functions in the
// guest either: that is redirection's work.
//
// Invariants: no metadata lies in guest memory, so a guest that overruns its blocks can't damage the index; memory of a
// block is reused only after its tool has been told of the free and the block has left the quarantine; every block's
// slot (its memory with red zones and padding) belongs to it alone.
//
// Locking: Allocator.mu guards everything but what the caches of threads have (see cache) and the index entry of a live block, which
// changes when the block is freed. It is never held while the tool is called or guest memory is read or written.
package heap

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
	"gogrind/internal/stack"
	"gogrind/internal/tool"
)

// Arena is where the allocator gets guest memory: readable, writable, zero, marked as the tool's.
type Arena interface {
	MapTool(n uint64) (guest.Addr, error)
}

// Unmapper is an Arena that takes memory back. Without it the memory of huge blocks is kept for later ones.
type Unmapper interface {
	UnmapTool(r guest.Range) error
}

// Config is what an Allocator needs.
type Config struct {
	Layout tool.HeapConfig
	Arena  Arena
	Memory guest.Memory
	Tool   tool.HeapReplacer
	// Paths, if not nil, are the stacks that Quick finds without the tool. Watch is called before the tool looks for the stack of t,
	// Learn with its number and what Watch has returned: it tells Paths what the stack was found by.
	Paths *stack.Paths
	Watch func(t tool.Thread) (version uint32)
	Learn func(t tool.Thread, version, id uint32)
	// ActAs runs f, during which stacks of t that begin at a replaced function show frames of Hook.As[what-1] instead.
	ActAs func(t tool.Thread, what int, f func())
}

// ErrLayout says that a tool asks for a block layout that doesn't exist.
var ErrLayout = errors.New("bad block layout")

// Allocator is the replacement allocator. Safe for concurrent use.
type Allocator struct {
	cfg Config

	mu         lock
	pages      pageHeap
	metas      metaPool
	classes    [numClasses]class
	quarantine quarantine
	caches     [maxCaches]atomic.Pointer[cache] // by number of thread
	common     cache                            // of threads that have none; guarded by mu

	quick quick
}

var _ tool.Heap = (*Allocator)(nil)

// New makes an allocator without memory.
func New(cfg Config) (*Allocator, error) {
	l := &cfg.Layout
	l.RedZone = max(16, (l.RedZone+15)&^15) // --redzone-size takes any number; more than asked for does no harm
	switch {
	case l.RedZone > maxRedZone:
		return nil, fmt.Errorf("heap: red zone of %d bytes: %w", l.RedZone, ErrLayout)
	case l.Alignment < 16 || l.Alignment&(l.Alignment-1) != 0 || l.Alignment > guest.PageSize:
		return nil, fmt.Errorf("heap: alignment %d: %w", l.Alignment, ErrLayout)
	}
	a := &Allocator{cfg: cfg}
	a.pages.arena = cfg.Arena
	a.pages.discard = discard
	a.pages.spans = make([]*span, 1, 64)
	for i := range a.classes {
		cl := &a.classes[i]
		cl.stride = classSize(i) + 2*l.RedZone
		cl.depth = uint32(min(cacheSlots, max(1, cacheBytes/cl.stride)))
	}
	return a, nil
}

// Reconfigure takes over the sizes of the quarantine from layout.
func (a *Allocator) Reconfigure(layout tool.HeapConfig) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cfg.Layout.Quarantine, a.cfg.Layout.BigBlock = layout.Quarantine, layout.BigBlock
}

// maxRedZone is the largest --redzone-size that Valgrind takes.
const maxRedZone = 4096

// request is what one allocation asks for.
type request struct {
	size, align uint64 // align 0: the default
	kind        tool.AllocKind
	zero        bool
}

// Malloc allocates size bytes. It returns 0 when there is no memory; then nothing was counted or told.
func (a *Allocator) Malloc(t tool.Thread, size, align uint64, kind tool.AllocKind, zero bool) guest.Addr {
	stack := a.newStack(t)
	a.mu.Lock()
	c := a.own(t)
	b, fresh, err := a.alloc(c, request{size, align, kind, zero}, stack)
	if err == nil {
		c.count(size)
	}
	a.mu.Unlock()
	if err != nil {
		return 0
	}
	switch {
	case !zero && a.cfg.Layout.MallocFill >= 0:
		a.fill(b.Range(), byte(a.cfg.Layout.MallocFill))
	case !fresh && (zero || !a.cfg.Layout.Dirty) || zero && size <= guest.PageSize:
		// Memory that was used before is cleared for malloc, too: old pointers in it would make other blocks reachable
		// for the leak search. New memory is zero; that of small blocks isn't relied on for calloc, because an overrun
		// of the guest's may have been there, and clearing costs little.
		a.fill(b.Range(), 0)
	}
	a.cfg.Tool.Allocated(t, b, zero)
	return b.Addr
}

// count notes an allocation in the totals.
//
//go:nosplit
func (c *cache) count(size uint64) {
	bump(&c.stats.allocs, 1)
	bump(&c.stats.allocBytes, size)
}

// Free gives the block at p back. fn is the function's name as frames show it, kind its family.
func (a *Allocator) Free(t tool.Thread, fn string, p guest.Addr, kind tool.AllocKind) {
	if p == 0 {
		return
	}
	stack := a.newStack(t)
	a.mu.Lock()
	c := a.own(t)
	bump(&c.stats.frees, 1) // Memcheck counts calls, good or bad
	b, ok := a.take(c, p, stack)
	a.mu.Unlock()
	if !ok {
		near, found := a.Near(p)
		a.cfg.Tool.BadFree(t, fn, p, near, found)
		return
	}
	if b.Kind != kind {
		live := b
		live.Freed, live.Free = false, 0
		a.cfg.Tool.MismatchedFree(t, fn, kind, live)
	}
	a.retire(t, b, fn)
}

// retire tells the tool that b is freed and puts it into quarantine.
func (a *Allocator) retire(t tool.Thread, b tool.HeapBlock, fn string) {
	a.cfg.Tool.Freed(t, b, fn)
	a.shelve(t, b)
}

// shelve fills freed block b and puts it into quarantine.
func (a *Allocator) shelve(t tool.Thread, b tool.HeapBlock) {
	if a.cfg.Layout.FreeFill >= 0 {
		a.fill(b.Range(), byte(a.cfg.Layout.FreeFill))
	}
	a.mu.Lock()
	if sp, slot, ok := a.find(b.Addr); ok {
		a.hold(a.own(t), freed{b.Size, sp.id, slot})
	}
	a.mu.Unlock()
}

// Realloc gives the block at p a new size, and the block a new place, unless the layout says otherwise: an access through the old address
// after it is an error that must be seen. It returns 0 when p is no block or there's no memory.
func (a *Allocator) Realloc(t tool.Thread, fn string, p guest.Addr, size uint64) guest.Addr {
	stack := a.newStack(t)
	a.mu.Lock()
	c := a.own(t)
	sp, slot, ok := a.find(p)
	if !ok || sp.meta(slot).state != stateLive || a.payload(sp, slot) != p {
		bump(&c.stats.frees, 1)
		c.count(size)
		a.mu.Unlock()
		near, found := a.Near(p)
		a.cfg.Tool.BadFree(t, fn, p, near, found)
		return 0
	}
	if old := a.block(sp, slot); a.cfg.Layout.InPlace && a.resize(sp, size) {
		sp.own[0].size, sp.own[0].alloc = uint32(size), stack
		b := a.block(sp, slot)
		bump(&c.stats.liveBytes, size-old.Size)
		bump(&c.stats.frees, 1)
		c.count(size)
		a.mu.Unlock()
		a.cfg.Tool.Resized(t, old, b)
		return p
	}
	a.makeRoom(c)
	b, _, err := a.alloc(c, request{size: size, kind: tool.KindMalloc}, stack)
	c.count(size) // also one that fails, as in Valgrind's totals
	bump(&c.stats.frees, 1)
	if err != nil {
		a.mu.Unlock()
		return 0
	}
	old, _ := a.take(c, p, stack)
	a.mu.Unlock()

	if old.Kind != tool.KindMalloc {
		live := old
		live.Freed, live.Free = false, 0
		a.cfg.Tool.MismatchedFree(t, fn, tool.KindMalloc, live)
	}
	n := min(old.Size, size)
	a.copy(b.Addr, old.Addr, n)
	if a.cfg.Layout.MallocFill >= 0 && size > n {
		rest := b.Range()
		rest.Start += guest.Addr(n)
		a.fill(rest, byte(a.cfg.Layout.MallocFill))
	}
	a.cfg.Tool.Resized(t, old, b)
	a.shelve(t, old)
	return b.Addr
}

// resize gives the large block of sp, which malloc made, another size where it is, if that is possible. A block that gets much smaller
// does not stay. The caller holds mu.
func (a *Allocator) resize(sp *span, size uint64) bool {
	if m := &sp.own[0]; sp.class >= 0 || m.kind != tool.KindMalloc || m.align != 0 || size <= maxSmall || size > maxBlock || size < sp.large/2 {
		return false
	}
	n := (size + a.cfg.Layout.Alignment - 16 + 2*a.cfg.Layout.RedZone + guest.PageSize - 1) / guest.PageSize
	if n > sp.npages && !a.pages.extend(sp, n) {
		return false
	}
	sp.large, sp.stride = size, sp.npages*guest.PageSize
	return true
}

// UsableSize is the size of the live block at p, 0 if there is none: not a byte more than was asked for may be used.
func (a *Allocator) UsableSize(p guest.Addr) uint64 {
	b, ok := a.At(p)
	if !ok || b.Freed {
		return 0
	}
	return b.Size
}

// At implements tool.Heap.
func (a *Allocator) At(p guest.Addr) (tool.HeapBlock, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	sp, slot, ok := a.find(p)
	if !ok || a.payload(sp, slot) != p {
		return tool.HeapBlock{}, false
	}
	return a.visible(sp, slot)
}

// nearby is how far from a block's slot an address is still told to be near the block, if nothing else is there.
const nearby = 64

// Near implements tool.Heap. A block's padding counts as its red zone, and so does unused memory close by: an overrun of
// a few bytes more is described by the block that it most likely came from. The closest block counts, of two at the same distance the
// one that lives.
func (a *Allocator) Near(p guest.Addr) (best tool.HeapBlock, found bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	least := uint64(0)
	try := func(sp *span, slot uint32) {
		b, ok := a.visible(sp, slot)
		if !ok {
			return
		}
		if d := distance(p, b.Range()); !found || d < least || d == least && best.Freed && !b.Freed {
			best, least, found = b, d, true
		}
	}
	if sp, slot, ok := a.find(p); ok {
		try(sp, slot)
		if int(slot)+1 < len(sp.metas) {
			try(sp, slot+1)
		}
	}
	// Slots are longer than the step.
	for d := guest.Addr(0); d <= nearby && (!found || 2*uint64(d) < least); d += 16 {
		for _, q := range [2]guest.Addr{p - d, p + d} {
			if sp, slot, ok := a.find(q); ok {
				try(sp, slot)
			}
		}
	}
	return best, found
}

// distance orders ranges by how far p is from them: twice the number of bytes that messages tell, 0 inside. Of two as far away the one
// that p is behind is closer.
func distance(p guest.Addr, r guest.Range) uint64 {
	switch {
	case p < r.Start:
		return 2*uint64(r.Start-p) + 2
	case p >= r.End:
		return 2*uint64(p-r.End) + 1
	}
	return 0
}

// visible is the block in a slot as the index shows it. The caller holds mu.
func (a *Allocator) visible(sp *span, slot uint32) (tool.HeapBlock, bool) {
	m := sp.meta(slot)
	if m.state == stateLive || m.state == stateFreed && a.cfg.Layout.KeepFreedInfo {
		return a.block(sp, slot), true
	}
	return tool.HeapBlock{}, false
}

// Live implements tool.Heap. Blocks that come or go while it runs may be seen or not.
func (a *Allocator) Live(f func(tool.HeapBlock) bool) {
	var batch []tool.HeapBlock
	at := guest.Addr(0)
	for {
		batch = batch[:0]
		a.mu.Lock()
		sp := a.pages.next(at)
		if sp == nil {
			a.mu.Unlock()
			return
		}
		for i := range sp.metas {
			if sp.metas[i].state == stateLive {
				batch = append(batch, a.block(sp, uint32(i)))
			}
		}
		at = sp.end()
		a.mu.Unlock()
		for _, b := range batch {
			if !f(b) {
				return
			}
		}
	}
}

// Stats implements tool.Heap.
func (a *Allocator) Stats() tool.HeapStats {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.total()
}

// Footprint is how many bytes of guest memory the allocator holds (mallinfo's arena).
func (a *Allocator) Footprint() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pages.mapped
}

// Gap describes the unused memory of the heap around p: the stretch without any block that p lies in. ok is false when p
// is not in the allocator's memory or lies in a block's slot.
func (a *Allocator) Gap(p guest.Addr) (r guest.Range, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	sp := a.pages.at(p)
	if sp == nil {
		return guest.Range{}, false
	}
	if sp.state == spanFree {
		return sp.bounds(), true
	}
	slot, in := sp.slot(p)
	if !in {
		return guest.Range{Start: sp.base + guest.Addr(uint64(len(sp.metas))*sp.stride), End: sp.end()}, true
	}
	if s := sp.meta(slot).state; s == stateLive || s == stateFreed {
		return guest.Range{}, false
	}
	start := sp.start(slot)
	return guest.Range{Start: start, End: start + guest.Addr(sp.stride)}, true
}

// find returns the slot that p lies in, used or not. The caller holds mu.
func (a *Allocator) find(p guest.Addr) (*span, uint32, bool) {
	sp := a.pages.at(p)
	if sp == nil || sp.state != spanUsed {
		return nil, 0, false
	}
	slot, ok := sp.slot(p)
	return sp, slot, ok
}

// alloc finds a slot and fills in its metadata; fresh says that its memory was never used. The caller holds mu.
func (a *Allocator) alloc(c *cache, q request, stack uint32) (b tool.HeapBlock, fresh bool, err error) {
	rz := a.cfg.Layout.RedZone
	align := max(q.align, a.cfg.Layout.Alignment)
	if align&(align-1) != 0 || align > maxAlign {
		return b, false, unix.EINVAL
	}
	if q.size > maxBlock {
		return b, false, unix.ENOMEM
	}
	// Slots start at multiples of 16; a larger alignment may need this much more.
	need := max(q.size, 1) + align - 16
	var sp *span
	var slot uint32
	if need <= maxSmall {
		i := classOf(need)
		cc := &c.slots[i]
		if cc.next == cc.n {
			if err := a.refill(c, i); err != nil {
				return b, false, err
			}
		}
		ref := cc.slots[cc.next%cacheSlots]
		cc.next++
		if cc.next == cc.n && a.classes[i].avail.first != 0 {
			a.deal(cc, &a.classes[i]) // ahead, so that the next ones are known
		}
		fresh = ref.start&freshBit != 0
		sp, slot, _ = a.find(ref.start &^ freshBit)
	} else {
		if a.quarantine.volume > a.cfg.Layout.Quarantine {
			a.quarantine.last = held{} // a huge block that was freed last goes before the next one comes
			a.settle(c)
		}
		sp, err = a.pages.alloc((need + 2*rz + guest.PageSize - 1) / guest.PageSize)
		if err != nil {
			return b, false, err
		}
		fresh = sp.zero
		sp.zero = false
		sp.stride, sp.inverse = sp.npages*guest.PageSize, 0
		sp.own[0] = meta{}
		sp.metas, sp.large, sp.used = sp.own[:], q.size, 1
	}
	m := sp.meta(slot)
	*m = meta{size: uint32(q.size), alloc: stack, kind: q.kind, state: stateLive}
	if q.align != 0 {
		m.align = uint8(bits.TrailingZeros64(q.align)) + 1
	}
	bump(&c.stats.liveBlocks, 1)
	bump(&c.stats.liveBytes, q.size)
	return a.block(sp, slot), fresh, nil
}

// maxAlign is more than anybody needs.
const maxAlign = 1 << 30

// maxBlock is more than the guest's address space has, and far from overflow.
const maxBlock = 1 << 46

// take marks the live block at p as freed. The caller holds mu.
func (a *Allocator) take(c *cache, p guest.Addr, stack uint32) (tool.HeapBlock, bool) {
	sp, slot, ok := a.find(p)
	if !ok || a.payload(sp, slot) != p || sp.meta(slot).state != stateLive {
		return tool.HeapBlock{}, false
	}
	m := sp.meta(slot)
	m.state, m.free = stateFreed, stack
	bump(&c.stats.liveBlocks, ^uint64(0))
	bump(&c.stats.liveBytes, -sp.size(slot))
	return a.block(sp, slot), true
}

// release makes the slot of a freed block usable again. The caller holds mu.
func (a *Allocator) release(sp *span, slot uint32) {
	if sp.class >= 0 {
		a.releaseSmall(sp, slot)
		return
	}
	a.pages.free(sp)
}

// fill writes v to all of r. Memory that the guest has made inaccessible is left as it is.
func (a *Allocator) fill(r guest.Range, v byte) {
	src := zeros[:]
	if v != 0 {
		src = bytes.Repeat([]byte{v}, int(min(r.Len(), uint64(len(zeros)))))
	}
	for !r.Empty() {
		n := min(uint64(len(src)), r.Len())
		a.cfg.Memory.WriteMem(src[:n], r.Start)
		r.Start += guest.Addr(n)
	}
}

// zeros is never written.
var zeros [64 << 10]byte

// copier is a guest.Memory that copies between places that do not overlap, until one can't be accessed.
type copier interface {
	CopyMem(to, from guest.Addr, n int) int
}

// copy copies n bytes between blocks.
func (a *Allocator) copy(to, from guest.Addr, n uint64) {
	if m, ok := a.cfg.Memory.(copier); ok {
		done := uint64(m.CopyMem(to, from, int(n)))
		from, to, n = from+guest.Addr(done), to+guest.Addr(done), n-done
	}
	if n == 0 {
		return
	}
	buf := make([]byte, min(n, 64<<10))
	for n > 0 {
		k := min(n, uint64(len(buf)))
		got := a.cfg.Memory.ReadMem(buf[:k], from)
		a.cfg.Memory.WriteMem(buf[:got], to)
		from, to, n = from+guest.Addr(k), to+guest.Addr(k), n-k
	}
}

// discard gives the memory of [base, base+n) back to the kernel, so that it reads as zero.
func discard(r guest.Range) error {
	_, _, errno := unix.Syscall(unix.SYS_MADVISE, uintptr(r.Start), uintptr(r.Len()), unix.MADV_DONTNEED)
	if errno != 0 {
		return errno
	}
	return nil
}
