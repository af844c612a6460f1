package heap

import "gogrind/internal/tool"

// held is a freed block in quarantine. There are many: it has 8 bytes.
type held struct {
	span spanID
	slot uint16 // largeSlot for a large block
	size uint16 // that it counts for; that of a large block is in fifo.large
}

// largeSlot is no slot that a span has.
const largeSlot = 1<<16 - 1

var _ [largeSlot - maxSlots]struct{}
var _ [1<<16 - 1 - maxSmall]struct{}

// minHeld is the volume that the smallest block counts for: blocks of no bytes must leave the quarantine too.
const minHeld = 16

// quarantine holds freed blocks back from reuse: two queues, because big blocks leave first (--freelist-big-blocks).
type quarantine struct {
	small, big fifo
	volume     uint64
	// last is the block that came last. It stays, however small the quarantine is: a second free of it is seen as such, as under
	// Valgrind.
	last held
}

// push puts in the block in slot of sp, which has size bytes.
func (q *quarantine) push(sp *span, slot uint32, size uint64, l *tool.HeapConfig) {
	size = max(size, minHeld)
	f := &q.small
	if size >= l.BigBlock {
		f = &q.big
	}
	h := held{sp.id, uint16(slot), uint16(size)}
	if sp.class < 0 {
		h = held{span: sp.id, slot: largeSlot}
		f.large = append(f.large, size)
	}
	q.volume += size
	q.last = h
	f.push(h)
}

// pop takes out the block that must go next, if the quarantine is over its volume.
func (q *quarantine) pop(l *tool.HeapConfig) (held, bool) {
	if q.volume <= l.Quarantine && l.Quarantine > 0 {
		return held{}, false
	}
	for _, f := range [2]*fifo{&q.big, &q.small} {
		if f.empty() || l.Quarantine > 0 && f.first() == q.last {
			continue
		}
		h, size := f.pop()
		q.volume -= size
		return h, true
	}
	return held{}, false
}

// fifo is a queue in a ring whose length is a power of two. The ring is memory that Go does not know of: one that was outgrown goes back
// to the kernel at once.
type fifo struct {
	ring       []held
	head, tail uint64   // free-running
	large      []uint64 // sizes of those with largeSlot, in the same order
}

//go:nosplit
func (f *fifo) full() bool { return f.tail-f.head == uint64(len(f.ring)) }

//go:nosplit
func (f *fifo) empty() bool { return f.tail == f.head }

// first is the oldest entry of a queue that is not empty.
//
//go:nosplit
func (f *fifo) first() held { return f.ring[f.head&uint64(len(f.ring)-1)] }

// minRing is the least length of a ring: 8 KB.
const minRing = 1024

func (f *fifo) push(h held) {
	if f.full() {
		ring := newRing(max(minRing, 2*len(f.ring)))
		n := uint64(0)
		for ; !f.empty(); n++ {
			ring[n] = f.first()
			f.head++
		}
		freeRing(f.ring)
		f.ring, f.head, f.tail = ring, 0, n
	}
	f.put(h)
}

// put is push for a ring that is not full.
//
//go:nosplit
func (f *fifo) put(h held) {
	f.ring[f.tail&uint64(len(f.ring)-1)] = h
	f.tail++
}

// pop takes out the oldest entry of a queue that is not empty, and says for how much it counts.
func (f *fifo) pop() (h held, size uint64) {
	h = f.first()
	f.head++
	if h.slot == largeSlot {
		size, f.large = f.large[0], f.large[1:]
		return h, size
	}
	return h, uint64(h.size)
}
