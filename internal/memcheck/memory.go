package memcheck

import (
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// Mapped implements tool.MemoryWatcher. Memory of the heap belongs to nobody until it is allocated; other memory is the
// guest's when its pages can be accessed at all.
func (m *Memcheck) Mapped(mp tool.Mapping) {
	if mp.Tool || mp.Prot == 0 {
		if n := mp.Range.Len(); n >= keepShadow || !mp.Tool && n >= keepReserved {
			m.shadowLost(m.shadow.Unmap(mp.Range))
			return
		}
		back := m.shadow.Map
		if mp.Tool && mp.Range.Len() >= 2*guest.HugePage {
			back = m.shadow.MapHuge
		}
		m.shadowLost(back(mp.Range))
		m.shadow.MakeNoAccess(mp.Range)
		return
	}
	m.shadowLost(m.shadow.Map(mp.Range))
}

// keepShadow is the length up to which memory without access has shadow pages that say so. Longer areas have none, which
// means the same and costs neither time nor memory.
const keepShadow = 16 << 20

// keepReserved is keepShadow for what is not the heap's: stacks of threads are reserved before they are made accessible, and
// filling their shadow would cost more than all that short threads do.
const keepReserved = 64 << 10

// BreakMoved implements tool.BreakWatcher: new memory is undefined to Memcheck, as allocators that get theirs here give it out as
// it is, and the rest of the last page is nobody's.
func (m *Memcheck) BreakMoved(t tool.Thread, from, to guest.Addr) {
	m.shadow.MakeNoAccess(guest.Range{Start: to, End: to.PageUp()})
	if r := (guest.Range{Start: from, End: to}); from < to {
		m.undefined(r)
		if m.opts.origins {
			m.origins.broke(r, origin{kind: originUnknown, stack: m.NewStack(t)})
		}
	}
}

// Unmapped implements tool.MemoryWatcher.
func (m *Memcheck) Unmapped(r guest.Range) {
	m.shadowLost(m.shadow.Unmap(r))
	m.reachCache.Clear() // other code may come to lie there
}

// Protected implements tool.MemoryWatcher. Pages that become accessible were reserved before; pages that lose their
// access keep their state, because the CPU itself watches them now.
func (m *Memcheck) Protected(r guest.Range, p guest.Prot) {
	if p != 0 {
		m.shadowLost(m.shadow.MakeDefinedIfNoAccess(r))
	}
}

// Moved implements tool.MemoryWatcher.
func (m *Memcheck) Moved(from, to guest.Range) {
	m.shadowLost(m.shadow.Move(from, guest.Range{Start: to.Start, End: to.Start + guest.Addr(min(from.Len(), to.Len()))}))
	if to.Len() > from.Len() {
		to.Start += guest.Addr(from.Len())
		m.shadowLost(m.shadow.Map(to))
	}
}

// shadowLost is told about shadow memory that could not be mapped. What has no shadow counts as inaccessible, which would
// drown the user in wrong reports: there is no way to go on.
func (m *Memcheck) shadowLost(err error) {
	if err != nil {
		panic(err)
	}
}
