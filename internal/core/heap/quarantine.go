package heap

import (
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// held is a freed block in quarantine.
type held struct {
	addr guest.Addr
	size uint64
}

// minHeld is the volume that the smallest block counts for: blocks of no bytes must leave the quarantine too.
const minHeld = 16

// quarantine holds freed blocks back from reuse: two queues, because big blocks leave first (--freelist-big-blocks).
type quarantine struct {
	small, big fifo
	volume     uint64
}

func (q *quarantine) push(h held, l *tool.HeapConfig) {
	h.size = max(h.size, minHeld)
	q.volume += h.size
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
	h, ok := q.big.pop()
	if !ok {
		h, ok = q.small.pop()
	}
	q.volume -= h.size
	return h, ok
}

// fifo is a queue in a slice; the dead part at the front is cut off when it is the larger one.
type fifo struct {
	q    []held
	head int
}

func (f *fifo) push(h held) { f.q = append(f.q, h) }

func (f *fifo) pop() (held, bool) {
	if f.head == len(f.q) {
		return held{}, false
	}
	h := f.q[f.head]
	f.head++
	if f.head > 1024 && f.head > len(f.q)/2 {
		f.q = f.q[:copy(f.q, f.q[f.head:])]
		f.head = 0
	}
	return h, true
}
