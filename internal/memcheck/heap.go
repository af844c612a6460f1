package memcheck

import (
	"gogrind/internal/guest"
	"gogrind/internal/shadow"
	"gogrind/internal/stack"
	"gogrind/internal/tool"
)

// HeapConfig implements tool.HeapReplacer.
func (m *Memcheck) HeapConfig() tool.HeapConfig {
	return tool.HeapConfig{
		RedZone: defaultRedZone, Alignment: 16,
		// Never nothing: the block freed last is known as such until the next one is freed, as in Valgrind.
		Quarantine: uint64(max(m.opts.freelistVol, 1)), BigBlock: uint64(m.opts.freelistBig),
		MallocFill: m.opts.mallocFill, FreeFill: m.opts.freeFill,
		KeepFreedInfo: true,
		// Old pointers in new blocks are no pointers for the leak search, because they are undefined.
		Dirty: m.opts.undefErrors,
	}
}

// QuickHeap implements tool.QuickHeaper. It is out where more is kept of blocks than the allocator knows of.
func (m *Memcheck) QuickHeap() (q tool.QuickHeap, ok bool) {
	keep := m.opts.keepStacks
	q = tool.QuickHeap{
		AllocStacks: keep != "none" && keep != "free", FreeStacks: keep != "none" && keep != "alloc",
		Shadow: m.shadow.Distance(), Fresh: shadow.Undefined, Gone: shadow.NoAccess,
		Pinned: m.opts.origins,
	}
	if !m.opts.undefErrors {
		q.Fresh = shadow.Defined
	}
	return q, m.core.XtreeMemory != xtreeFull
}

// defaultRedZone is Memcheck's MC_MALLOC_DEFAULT_REDZONE_SZB.
const defaultRedZone = 16

// Allocated implements tool.HeapReplacer.
func (m *Memcheck) Allocated(_ tool.Thread, b tool.HeapBlock, zeroed bool) {
	m.allocated(b)
	if zeroed {
		m.shadow.MakeDefined(b.Range())
		return
	}
	m.undefined(b.Range())
}

// undefined makes r accessible, with undefined contents if those count.
func (m *Memcheck) undefined(r guest.Range) {
	if !m.opts.undefErrors {
		m.shadow.MakeDefined(r)
		return
	}
	m.shadow.MakeUndefined(r)
	if r.Len() >= shadow.HugeUndefined {
		m.large()
	}
}

// Freed implements tool.HeapReplacer.
func (m *Memcheck) Freed(_ tool.Thread, b tool.HeapBlock, _ string) {
	m.freed(b.Free, b.Size)
	m.shadow.MakeNoAccess(b.Range())
}

// Resized implements tool.HeapReplacer.
func (m *Memcheck) Resized(_ tool.Thread, old, b tool.HeapBlock) {
	m.freed(b.Alloc, old.Size)
	m.allocated(b)
	n := min(old.Size, b.Size)
	if old.Addr != b.Addr {
		m.shadow.Copy(old.Addr, b.Addr, n)
		m.shadow.MakeNoAccess(old.Range())
	}
	if b.Size > n {
		m.undefined(guest.Range{Start: b.Addr + guest.Addr(n), End: b.Addr + guest.Addr(b.Size)})
	}
}

// NewStack implements tool.HeapReplacer.
func (m *Memcheck) NewStack(t tool.Thread) uint32 {
	if m.opts.keepStacks == "none" {
		return 0
	}
	pcs := m.frames.Get().(*[maxCallers]guest.Addr)
	n := m.host.Unwind(t, pcs[:m.depth])
	id := uint32(m.stacks.Intern(pcs[:n]))
	m.frames.Put(pcs)
	return id
}

// maxCallers is the largest --num-callers.
const maxCallers = 500

// stack is the interned stack with the given number, nil if there's none.
func (m *Memcheck) stack(id uint32) []guest.Addr { return m.stacks.Get(stack.ID(id)) }
