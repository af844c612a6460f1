package massif

import (
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// pool is a memory pool that client requests describe.
type pool struct {
	blocks map[guest.Addr]uint64 // sizes; also of blocks that don't count
}

// poolRequest handles requests about pools.
func (m *Massif) poolRequest(t tool.Thread, code uint32, args [5]uint64) (result uint64, handled bool) {
	id, a := guest.Addr(args[0]), guest.Addr(args[1])
	m.mu.Lock()
	p := m.pools[id]
	m.mu.Unlock()
	switch code {
	case reqPoolExists:
		if p != nil {
			return 1, true
		}
		return 0, true
	case reqPoolCreate:
		m.mu.Lock()
		m.pools[id] = &pool{blocks: map[guest.Addr]uint64{}}
		m.mu.Unlock()
		return 0, true
	case reqPoolDestroy, reqPoolAlloc, reqPoolFree, reqPoolTrim, reqPoolMove, reqPoolChange:
	default:
		return 0, false
	}
	if p == nil {
		return 0, true
	}
	switch code {
	case reqPoolAlloc:
		m.poolAlloc(t, p, a, args[2])
	case reqPoolFree:
		m.mu.Lock()
		m.poolFree(p, a)
		m.mu.Unlock()
	case reqPoolTrim:
		m.poolTrim(p, guest.Range{Start: a, End: a + guest.Addr(args[2])})
	case reqPoolDestroy:
		m.poolTrim(p, guest.Range{})
		m.mu.Lock()
		delete(m.pools, id)
		m.mu.Unlock()
	case reqPoolMove:
		m.mu.Lock()
		delete(m.pools, id)
		m.pools[a] = p
		m.mu.Unlock()
	case reqPoolChange:
		m.mu.Lock()
		m.poolFree(p, a)
		m.mu.Unlock()
		m.poolAlloc(t, p, guest.Addr(args[2]), args[3])
	}
	return 0, true
}

// poolAlloc notes a block of a pool. It counts when its memory isn't part of a heap block, which counts already.
func (m *Massif) poolAlloc(t tool.Thread, p *pool, a guest.Addr, size uint64) {
	m.mu.Lock()
	p.blocks[a] = size
	m.mu.Unlock()
	if b, ok := m.host.Heap().Near(a); ok && !b.Freed && a >= b.Addr && a < b.Range().End {
		return
	}
	m.described(t, a, size)
}

// poolFree notes that a block of a pool is gone. The caller holds mu.
func (m *Massif) poolFree(p *pool, a guest.Addr) {
	if _, ok := p.blocks[a]; ok {
		delete(p.blocks, a)
		m.forget(a)
	}
}

// poolTrim frees the blocks that lie outside of keep.
func (m *Massif) poolTrim(p *pool, keep guest.Range) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for a, size := range p.blocks {
		if r := (guest.Range{Start: a, End: a + guest.Addr(size)}); !r.Overlaps(keep) {
			m.poolFree(p, a)
		}
	}
}
