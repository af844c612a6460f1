package heap

import "gogrind/internal/tool"

// held is a freed block in quarantine.
type held struct {
	size uint64
	span spanID
	slot uint32
}

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

func (q *quarantine) push(h held, l *tool.HeapConfig) {
	h.size = max(h.size, minHeld)
	q.volume += h.size
	q.last = h
	if h.size >= l.BigBlock {
		q.big.push(h)
	} else {
		q.small.push(h)
	}
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
		h, _ := f.pop()
		q.volume -= h.size
		return h, true
	}
	return held{}, false
}

// fifo is a queue in a ring whose length is a power of two. The ring is memory that Go does not know of: one that was outgrown goes back
// to the kernel at once.
type fifo struct {
	ring       []held
	head, tail uint64 // free-running
}

//go:nosplit
func (f *fifo) full() bool { return f.tail-f.head == uint64(len(f.ring)) }

//go:nosplit
func (f *fifo) empty() bool { return f.tail == f.head }

// first is the oldest entry of a queue that is not empty.
//
//go:nosplit
func (f *fifo) first() held { return f.ring[f.head&uint64(len(f.ring)-1)] }

// minRing is the least length of a ring: 16 KB.
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

func (f *fifo) pop() (held, bool) {
	if f.empty() {
		return held{}, false
	}
	h := f.first()
	f.head++
	return h, true
}
