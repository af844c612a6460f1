package memcheck

import (
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// pool is a memory pool of the guest's, described by client requests. Its blocks are handed out from memory that the guest
// got otherwise.
type pool struct {
	zone   uint64 // red zone around blocks
	zeroed bool
	// meta: blocks are areas that another allocator of the guest's divides. To the leak search they are blocks as the pieces are.
	// autoFree: with a block of a meta pool go the custom blocks inside it.
	meta, autoFree bool
	blocks         custom
}

// Flags of VALGRIND_CREATE_MEMPOOL_EXT.
const (
	poolAutoFree = 1
	poolMeta     = 2
)

// Requests about pools.
const (
	reqPoolCreate  = 0x1303
	reqPoolDestroy = 0x1304
	reqPoolAlloc   = 0x1305
	reqPoolFree    = 0x1306
	reqPoolTrim    = 0x1307
	reqPoolMove    = 0x1308
	reqPoolChange  = 0x1309
	reqPoolExists  = 0x130a
)

// poolRequest handles requests about pools.
func (m *Memcheck) poolRequest(t tool.Thread, code uint32, args [5]uint64) (result uint64, handled bool) {
	id, a := guest.Addr(args[0]), guest.Addr(args[1])
	switch code {
	case reqPoolCreate:
		p := &pool{zone: args[1], zeroed: args[2] != 0, autoFree: args[3]&poolAutoFree != 0, meta: args[3]&poolMeta != 0}
		m.mu.Lock()
		if m.pools == nil {
			m.pools = map[guest.Addr]*pool{}
		}
		m.pools[id] = p
		m.mu.Unlock()
		return 0, true
	case reqPoolExists:
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.pools[id] != nil {
			return 1, true
		}
		return 0, true
	case reqPoolDestroy, reqPoolAlloc, reqPoolFree, reqPoolTrim, reqPoolMove, reqPoolChange:
	default:
		return 0, false
	}
	m.mu.Lock()
	p := m.pools[id]
	m.mu.Unlock()
	if p == nil {
		f := m.finding(t, "InvalidMemPool", "Mempool", "Illegal memory pool address")
		f.Fill = m.about(t, id)
		m.report.Report(f)
		return 0, true
	}
	switch code {
	case reqPoolDestroy:
		m.mu.Lock()
		delete(m.pools, id)
		blocks := p.blocks
		p.blocks = nil
		m.mu.Unlock()
		for _, b := range blocks { // they are not remembered, as by Valgrind
			m.shadow.MakeNoAccess(b.Range())
		}
	case reqPoolAlloc:
		m.poolAlloc(t, p, a, args[2])
	case reqPoolFree:
		m.poolFree(t, p, a)
	case reqPoolTrim:
		m.poolTrim(t, p, guest.Range{Start: a, End: a + guest.Addr(args[2])})
	case reqPoolMove:
		m.mu.Lock()
		delete(m.pools, id)
		m.pools[a] = p
		m.mu.Unlock()
	case reqPoolChange:
		m.poolChange(t, p, a, guest.Addr(args[2]), args[3])
	}
	return 0, true
}

func (m *Memcheck) poolAlloc(t tool.Thread, p *pool, a guest.Addr, size uint64) {
	b := tool.HeapBlock{Addr: a, Size: size, Kind: tool.KindCustom, Alloc: m.NewStack(t)}
	m.mu.Lock()
	p.blocks.add(b)
	m.customStats.Allocs++
	m.customStats.AllocBytes += size
	m.mu.Unlock()
	m.Allocated(t, b, p.zeroed)
}

func (m *Memcheck) poolFree(t tool.Thread, p *pool, a guest.Addr) {
	stack := m.NewStack(t)
	m.mu.Lock()
	b, ok := p.blocks.take(a)
	if ok {
		m.forget(b, stack)
		if p.meta && p.autoFree {
			for _, c := range m.custom.inside(b.Range()) {
				m.custom.take(c.Addr)
				m.forget(c, stack)
			}
		}
	}
	m.mu.Unlock()
	if !ok {
		m.BadFree(t, "", a, tool.HeapBlock{}, false)
		return
	}
	m.shadow.MakeNoAccess(b.Range())
}

// forget remembers b as freed. The caller holds mu. Blocks of pools don't count as frees, as for Valgrind.
func (m *Memcheck) forget(b tool.HeapBlock, stack uint32) {
	b.Freed, b.Free = true, stack
	m.customFreed = append(m.customFreed, b)
	if len(m.customFreed) > customKept {
		m.customFreed = append(m.customFreed[:0], m.customFreed[customKept/2:]...)
	}
}

// poolTrim frees what lies outside of keep; blocks that reach over its ends are cut.
func (m *Memcheck) poolTrim(t tool.Thread, p *pool, keep guest.Range) {
	stack := m.NewStack(t)
	var gone []guest.Range
	m.mu.Lock()
	var left custom
	for _, b := range p.blocks {
		r := b.Range()
		// A block that reaches beyond both ends of what is kept goes as a whole, in Valgrind, too: only an end that is kept keeps some.
		if !r.Overlaps(keep) || r.Start < keep.Start && r.End > keep.End {
			m.forget(b, stack)
			gone = append(gone, r)
			continue
		}
		if r.Start < keep.Start {
			gone = append(gone, guest.Range{Start: r.Start, End: keep.Start})
		}
		if r.End > keep.End {
			gone = append(gone, guest.Range{Start: keep.End, End: r.End})
		}
		b.Addr = max(r.Start, keep.Start)
		b.Size = uint64(min(r.End, keep.End) - b.Addr)
		left.add(b)
	}
	p.blocks = left
	m.mu.Unlock()
	for _, r := range gone {
		m.shadow.MakeNoAccess(r)
	}
}

// poolChange tells that the block at from is now at to with another size.
func (m *Memcheck) poolChange(t tool.Thread, p *pool, from, to guest.Addr, size uint64) {
	m.mu.Lock()
	b, ok := p.blocks.take(from)
	if ok {
		b.Addr, b.Size = to, size
		p.blocks.add(b)
	}
	m.mu.Unlock()
	if !ok {
		m.BadFree(t, "", from, tool.HeapBlock{}, false)
	}
}

// poolNear looks for a pool's block around a. The caller holds mu.
func (m *Memcheck) poolNear(a guest.Addr) (tool.HeapBlock, bool) {
	for _, p := range m.pools {
		if p.meta {
			continue
		}
		if b, ok := p.blocks.near(a, func(tool.HeapBlock) uint64 { return p.zone }); ok {
			return b, true
		}
	}
	return tool.HeapBlock{}, false
}
