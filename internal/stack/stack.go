// Package stack interns call stacks: equal stacks have one small number, so that tools store and compare numbers.
//
// It knows addresses only, not what they mean, and never drops a stack. An Interner is safe for concurrent use; look-ups
// of stacks seen before and Get take a read lock of one shard at most.
package stack

import (
	"sync"
	"sync/atomic"

	"gogrind/internal/guest"
)

// ID names an interned stack: 1 and up in order of arrival, the same for the Interner's whole life. 0 is no stack.
type ID uint32

// Depths to which stacks are compared when reports are merged: Valgrind's --leak-resolution, and the first frames that
// decide whether two errors are the same one.
const (
	Low  = 2
	Med  = 4
	High = 1 << 30 // all frames
)

const (
	shards    = 64   // power of two; more than threads that run at once
	chunkSize = 1024 // stacks per chunk of the table by id; power of two
	maxChunks = 1 << 16
)

// Interner holds the stacks of a process.
type Interner struct {
	last   atomic.Uint32
	shards [shards]shard

	// chunks find a stack by id. A chunk, once there, stays; an entry is set before its id is given out.
	chunks [maxChunks]atomic.Pointer[chunk]
}

type chunk [chunkSize]atomic.Pointer[[]guest.Addr]

type shard struct {
	mu  sync.RWMutex
	ids map[uint64][]ID // by hash; guarded by mu
	// arena is the free part of the block that stacks are copied to; guarded by mu.
	arena []guest.Addr
	_     [64]byte // keeps neighbours' locks off one cache line
}

// arenaSize is the number of addresses in a block: 32 KB.
const arenaSize = 4096

// NewInterner returns an empty Interner.
func NewInterner() *Interner {
	n := new(Interner)
	for i := range n.shards {
		n.shards[i].ids = make(map[uint64][]ID)
	}
	return n
}

// hash mixes the addresses of a stack.
func hash(pcs []guest.Addr) uint64 {
	// Multipliers of the splitmix64 finaliser.
	h := uint64(len(pcs))
	for _, pc := range pcs {
		h ^= uint64(pc)
		h *= 0xbf58476d1ce4e5b9
		h ^= h >> 29
	}
	h *= 0x94d049bb133111eb
	return h ^ h>>32
}

// Intern returns the id of the stack pcs, innermost first. pcs is copied when it is new. An empty stack has id 0.
func (n *Interner) Intern(pcs []guest.Addr) ID {
	if len(pcs) == 0 {
		return 0
	}
	h := hash(pcs)
	s := &n.shards[h%shards]
	s.mu.RLock()
	id := n.find(s, h, pcs)
	s.mu.RUnlock()
	if id != 0 {
		return id
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if id := n.find(s, h, pcs); id != 0 {
		return id
	}
	if len(s.arena) < len(pcs) {
		s.arena = make([]guest.Addr, max(arenaSize, len(pcs)))
	}
	own := s.arena[:len(pcs):len(pcs)]
	s.arena = s.arena[len(pcs):]
	copy(own, pcs)
	id = ID(n.last.Add(1))
	c := &n.chunks[id/chunkSize]
	if c.Load() == nil {
		c.CompareAndSwap(nil, new(chunk))
	}
	c.Load()[id%chunkSize].Store(&own)
	s.ids[h] = append(s.ids[h], id)
	return id
}

func (n *Interner) find(s *shard, h uint64, pcs []guest.Addr) ID {
	for _, id := range s.ids[h] {
		if Equal(n.Get(id), pcs, High) {
			return id
		}
	}
	return 0
}

// Get is the stack with the given id, which the caller must not change; nil for 0 and for ids never given out.
func (n *Interner) Get(id ID) []guest.Addr {
	if uint64(id) >= chunkSize*maxChunks {
		return nil
	}
	c := n.chunks[id/chunkSize].Load()
	if c == nil {
		return nil
	}
	p := c[id%chunkSize].Load()
	if p == nil {
		return nil
	}
	return *p
}

// Len is the number of stacks.
func (n *Interner) Len() int { return int(n.last.Load()) }

// Same reports whether two stacks agree in their first depth entries.
func (n *Interner) Same(a, b ID, depth int) bool {
	return a == b || Equal(n.Get(a), n.Get(b), depth)
}

// Equal reports whether two stacks agree in their first depth entries, and in length where they are shorter.
func Equal(a, b []guest.Addr, depth int) bool {
	if len(a) > depth {
		a = a[:depth]
	}
	if len(b) > depth {
		b = b[:depth]
	}
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
