package memcheck

import (
	"sort"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// custom are the blocks that client requests describe, for programs with allocators of their own: live ones, ascending by
// address. The caller holds Memcheck.mu.
type custom []tool.HeapBlock

// search is the index of the first block at or after a.
func (c custom) search(a guest.Addr) int {
	return sort.Search(len(c), func(i int) bool { return c[i].Addr >= a })
}

// add puts b in; a block that was at its address goes.
func (c *custom) add(b tool.HeapBlock) {
	i := c.search(b.Addr)
	if i < len(*c) && (*c)[i].Addr == b.Addr {
		(*c)[i] = b
		return
	}
	*c = append(*c, tool.HeapBlock{})
	copy((*c)[i+1:], (*c)[i:])
	(*c)[i] = b
}

// take removes the block at a.
func (c *custom) take(a guest.Addr) (tool.HeapBlock, bool) {
	i := c.search(a)
	if i == len(*c) || (*c)[i].Addr != a {
		return tool.HeapBlock{}, false
	}
	b := (*c)[i]
	*c = append((*c)[:i], (*c)[i+1:]...)
	return b, true
}

// inside returns copies of the blocks that begin in r.
func (c custom) inside(r guest.Range) []tool.HeapBlock {
	return append([]tool.HeapBlock(nil), c[c.search(r.Start):c.search(r.End)]...)
}

// near returns the block that has a inside, or within zone bytes of its ends.
func (c custom) near(a guest.Addr, zone func(tool.HeapBlock) uint64) (tool.HeapBlock, bool) {
	i := sort.Search(len(c), func(i int) bool { return c[i].Addr > a })
	if i > 0 {
		if b := c[i-1]; uint64(a-b.Addr) < b.Size+zone(b) {
			return b, true
		}
	}
	if i < len(c) {
		if b := c[i]; uint64(b.Addr-a) <= zone(b) {
			return b, true
		}
	}
	return tool.HeapBlock{}, false
}

// customNear looks for a custom block around a: live ones first, then freed ones that are remembered. state is what the
// block is called.
func (m *Memcheck) customNear(a guest.Addr) (b tool.HeapBlock, state string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	// An address near a block is said to be behind or in front of it, red zone or not.
	zone := func(b tool.HeapBlock) uint64 {
		return max(m.zones[b.Addr], customReach, uint64(max(m.core.RedzoneSize, 0)))
	}
	if b, ok := m.custom.near(a, zone); ok {
		return b, allocated, true
	}
	if b, ok := m.poolNear(a); ok {
		return b, "client-defined", true
	}
	for i := len(m.customFreed) - 1; i >= 0; i-- {
		if b := m.customFreed[i]; a >= b.Addr && uint64(a-b.Addr) < max(b.Size, 1) {
			return b, released, true
		}
	}
	return tool.HeapBlock{}, "", false
}

// customAt is the custom block that has a inside, of a pool or not.
func (m *Memcheck) customAt(a guest.Addr) (tool.HeapBlock, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	exact := func(tool.HeapBlock) uint64 { return 0 }
	if b, ok := m.custom.near(a, exact); ok && b.Range().Contains(a) {
		return b, true
	}
	for _, p := range m.pools {
		if b, ok := p.blocks.near(a, exact); ok && !p.meta && b.Range().Contains(a) {
			return b, true
		}
	}
	return tool.HeapBlock{}, false
}

// hasCustom reports whether there may be custom blocks.
func (m *Memcheck) hasCustom() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.custom) != 0 || len(m.pools) != 0
}

// customReach is how close to a custom block an address is described by it: the default of --redzone-size.
const customReach = 16

// customKept is how many freed custom blocks are remembered for messages.
const customKept = 1000

// mallocLike is VALGRIND_MALLOCLIKE_BLOCK.
func (m *Memcheck) mallocLike(t tool.Thread, a guest.Addr, size, zone uint64, zeroed bool) {
	b := tool.HeapBlock{Addr: a, Size: size, Kind: tool.KindCustom, Alloc: m.NewStack(t)}
	m.mu.Lock()
	m.custom.add(b)
	if zone != 0 {
		m.zones[a] = zone
	}
	m.customStats.Allocs++
	m.customStats.AllocBytes += size
	m.mu.Unlock()
	m.redZones(b, zone)
	m.Allocated(t, b, zeroed)
}

// redZones forbids access to what lies beside block b.
func (m *Memcheck) redZones(b tool.HeapBlock, zone uint64) {
	end := b.Addr + guest.Addr(b.Size)
	m.shadow.MakeNoAccess(guest.Range{Start: b.Addr - min(b.Addr, guest.Addr(zone)), End: b.Addr})
	m.shadow.MakeNoAccess(guest.Range{Start: end, End: end + guest.Addr(zone)})
}

// freeLike is VALGRIND_FREELIKE_BLOCK.
func (m *Memcheck) freeLike(t tool.Thread, a guest.Addr) {
	stack := m.NewStack(t)
	m.mu.Lock()
	b, ok := m.custom.take(a)
	delete(m.zones, a)
	m.customStats.Frees++
	if ok {
		m.forget(b, stack)
	}
	m.mu.Unlock()
	if !ok {
		m.BadFree(t, "", a, tool.HeapBlock{}, false)
		return
	}
	m.shadow.MakeNoAccess(b.Range())
}

// resizeInPlace is VALGRIND_RESIZEINPLACE_BLOCK.
func (m *Memcheck) resizeInPlace(t tool.Thread, a guest.Addr, size uint64) {
	m.mu.Lock()
	i := m.custom.search(a)
	ok := i < len(m.custom) && m.custom[i].Addr == a
	var old, b tool.HeapBlock
	if ok {
		old = m.custom[i]
		m.custom[i].Size = size
		b = m.custom[i]
	}
	m.mu.Unlock()
	if !ok {
		m.BadFree(t, "", a, tool.HeapBlock{}, false)
		return
	}
	if size < old.Size {
		m.shadow.MakeNoAccess(guest.Range{Start: a + guest.Addr(size), End: a + guest.Addr(old.Size)})
		return
	}
	m.Resized(t, old, b)
}
