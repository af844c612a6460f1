// Package stack interns call stacks: equal stacks have one small number, so that tools store and compare numbers.
//
// It knows addresses only, not what they mean, and never drops a stack. When code is unmapped, the stacks that lead through
// it are retired: they stay as they are and remember the era that they belong to, and equal stacks that come later are
// others. An Interner is safe for concurrent use; look-ups of stacks seen lately and Get take no lock, others a read
// lock of one shard.
package stack

import (
	"slices"
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

	recentSlots = 4096 // power of two
)

// Interner holds the stacks of a process.
type Interner struct {
	last   atomic.Uint32
	shards [shards]shard

	// recent has ids of stacks that were interned lately, by hash: programs allocate at the same places again and again. An
	// entry may be any id.
	recent [recentSlots]atomic.Uint32

	// chunks find a stack by id. A chunk, once there, stays; an entry is set before its id is given out.
	chunks [maxChunks]atomic.Pointer[chunk]
}

type chunk [chunkSize]atomic.Pointer[entry]

type entry struct {
	pcs  []guest.Addr
	hash uint64
	era  atomic.Uint32 // 0: still valid
}

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
	slot := &n.recent[h>>32%recentSlots]
	if id := ID(slot.Load()); id != 0 {
		if e := n.entry(id); e.hash == h && e.era.Load() == 0 && Equal(e.pcs, pcs, High) {
			return id
		}
	}
	s := &n.shards[h%shards]
	s.mu.RLock()
	id := n.find(s, h, pcs)
	s.mu.RUnlock()
	if id != 0 {
		slot.Store(uint32(id))
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
	c.Load()[id%chunkSize].Store(&entry{pcs: own, hash: h})
	s.ids[h] = append(s.ids[h], id)
	slot.Store(uint32(id))
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
	if e := n.entry(id); e != nil {
		return e.pcs
	}
	return nil
}

// Era is what Retire said of the stack, 0 for stacks through code that is still mapped.
func (n *Interner) Era(id ID) uint32 {
	if e := n.entry(id); e != nil {
		return e.era.Load()
	}
	return 0
}

func (n *Interner) entry(id ID) *entry {
	if uint64(id) >= chunkSize*maxChunks {
		return nil
	}
	c := n.chunks[id/chunkSize].Load()
	if c == nil {
		return nil
	}
	return c[id%chunkSize].Load()
}

// Retire notes that the code in r, which is being unmapped, was that of the given era, not 0. It looks at all stacks.
func (n *Interner) Retire(r guest.Range, era uint32) {
	for i := range n.shards {
		s := &n.shards[i]
		s.mu.Lock()
		for h, ids := range s.ids {
			left := slices.DeleteFunc(ids, func(id ID) bool {
				e := n.entry(id)
				// Return addresses are behind the call, and that may be the end of the code.
				through := slices.ContainsFunc(e.pcs, func(pc guest.Addr) bool { return r.Contains(pc) || r.Contains(pc-1) })
				if through {
					e.era.Store(era)
				}
				return through
			})
			if len(left) == 0 {
				delete(s.ids, h)
			} else {
				s.ids[h] = left
			}
		}
		s.mu.Unlock()
	}
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
