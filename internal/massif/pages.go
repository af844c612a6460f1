package massif

import (
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// Mapped implements tool.MemoryWatcher.
func (*Massif) Mapped(tool.Mapping) {}

// Unmapped implements tool.MemoryWatcher. The core's own look-up of names hears of it later.
func (m *Massif) Unmapped(r guest.Range) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.contexts.symbols != nil {
		m.contexts.unloading(r)
	}
}

// Protected implements tool.MemoryWatcher.
func (*Massif) Protected(guest.Range, guest.Prot) {}

// Moved implements tool.MemoryWatcher.
func (*Massif) Moved(from, to guest.Range) {}
