package memcheck

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/tool"
)

// LeaveMasked implements tool.MaskedLeaver. The elements that the mask lets through count, but for loads of string functions:
// those read ahead under masks as they do without, and are judged by the whole vector.
func (m *Memcheck) LeaveMasked(t tool.Thread, kind tool.AccessKind, a guest.Addr, size int, pieces []guest.Range) (exact bool) {
	for _, r := range pieces {
		if _, bad := m.shadow.FirstNoAccess(r); !bad {
			exact = exact || m.loadsUndefined(kind, r)
			continue
		}
		if kind == isa.Load && m.reachAt(guest.Addr(t.Regs().RIP)) != reachNone {
			return m.Leave(t, kind, a, size)
		}
		exact = m.Leave(t, kind, r.Start, int(r.Len())) || exact
	}
	if kind == isa.Store {
		for _, r := range pieces {
			m.shadow.MakeDefinedIfAddressable(r)
		}
	}
	return exact
}
