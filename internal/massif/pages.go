package massif

import (
	"slices"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// area is a mapping that counts as a block of --pages-as-heap.
type area struct {
	guest.Range
	ctx int
}

// areas are all mappings, ascending, disjoint. The caller of its methods holds Massif.mu.
type areas []area

// cut takes r out and calls gone for each piece that was there.
func (s *areas) cut(r guest.Range, gone func(area)) {
	var keep areas
	for _, a := range *s {
		if !a.Overlaps(r) {
			keep = append(keep, a)
			continue
		}
		gone(area{guest.Range{Start: max(a.Start, r.Start), End: min(a.End, r.End)}, a.ctx})
		if a.Start < r.Start {
			keep = append(keep, area{guest.Range{Start: a.Start, End: r.Start}, a.ctx})
		}
		if a.End > r.End {
			keep = append(keep, area{guest.Range{Start: r.End, End: a.End}, a.ctx})
		}
	}
	*s = keep
}

// add puts a in where nothing is.
func (s *areas) add(a area) {
	i, _ := slices.BinarySearchFunc(*s, a.Start, func(x area, at guest.Addr) int {
		if x.Start < at {
			return -1
		}
		return 1
	})
	*s = slices.Insert(*s, i, a)
}

// mappedAtStart counts what is mapped when the program starts. Of the main thread's stack, which is used down to sp, only what is in
// use counts: the kernel would map the rest when it is needed.
func (m *Massif) mappedAtStart(sp guest.Addr) {
	sp = sp.PageDown()
	m.host.Mappings(func(mp tool.Mapping) bool {
		r := mp.Range
		if r.Contains(sp) {
			r.Start = sp
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.addPages(area{r, m.contexts.at(nil, false)})
		return true
	})
}

// Mapped implements tool.MemoryWatcher.
func (m *Massif) Mapped(mp tool.Mapping) {
	if m.opts.pagesAsHeap && m.host != nil {
		m.mapped(mp.Range)
	}
}

// mapped notes that r is mapped from now on, and by which calls.
func (m *Massif) mapped(r guest.Range) {
	if t := m.caller(); t != nil {
		m.capture(t, func(pcs []guest.Addr) { m.addPages(area{r, m.contexts.at(pcs, false)}) })
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.addPages(area{r, m.contexts.at(nil, false)})
}

// caller is the guest thread on whose OS thread we are, nil when it is none.
func (m *Massif) caller() (found tool.Thread) {
	tid := unix.Gettid()
	m.host.Threads(func(t tool.Thread) bool {
		if t.TID() == tid {
			found = t
		}
		return found == nil
	})
	return found
}

// addPages counts a. The caller holds mu.
func (m *Massif) addPages(a area) {
	m.removePages(a.Range)
	m.areas.add(a)
	if a.ctx == 0 {
		return
	}
	m.change(int64(a.Len()), 0)
	m.contexts.add(a.ctx, a.Len())
	m.rec.normal(m.now(), m.use)
}

// removePages stops counting r. The caller holds mu.
func (m *Massif) removePages(r guest.Range) {
	m.areas.cut(r, func(a area) {
		if a.ctx == 0 {
			return
		}
		m.rec.beforeFree(m.now(), m.use)
		m.change(-int64(a.Len()), 0)
		m.contexts.cut(a.ctx, a.Len())
		m.rec.normal(m.now(), m.use)
	})
}

// Unmapped implements tool.MemoryWatcher. The core's own look-up of names hears of it later. The heap gives memory back with its own
// lock held, which mu is taken before: nothing may wait for mu then.
func (m *Massif) Unmapped(r guest.Range) {
	if m.host == nil {
		return // the program is still being loaded
	}
	m.frees.forget(r) // other functions may come to lie there
	if !m.opts.pagesAsHeap && !m.hasCode(r) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.contexts.unloading(r)
	if m.opts.pagesAsHeap {
		m.removePages(r)
	}
}

// hasCode reports whether r holds code with names.
func (m *Massif) hasCode(r guest.Range) bool {
	for _, o := range m.symbols.Snapshot().Objects() {
		if o.Text.Overlaps(r) {
			return true
		}
	}
	return false
}

// Protected implements tool.MemoryWatcher.
func (*Massif) Protected(guest.Range, guest.Prot) {}

// Moved implements tool.MemoryWatcher.
func (m *Massif) Moved(from, to guest.Range) {
	if !m.opts.pagesAsHeap {
		return
	}
	m.mu.Lock()
	m.removePages(from)
	m.mu.Unlock()
	m.mapped(to)
}
