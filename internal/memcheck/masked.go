package memcheck

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/tool"
)

// LeaveMasked implements tool.MaskedLeaver. A load with a bad element is judged as the whole vector is, because string functions
// read ahead under masks as they do without; of a store the elements count.
func (m *Memcheck) LeaveMasked(t tool.Thread, kind tool.AccessKind, a guest.Addr, size int, pieces []guest.Range) {
	for _, r := range pieces {
		if _, bad := m.shadow.FirstNoAccess(r); !bad {
			continue
		}
		if kind == isa.Load {
			m.Leave(t, kind, a, size)
		} else {
			m.Leave(t, kind, r.Start, int(r.Len()))
		}
		return
	}
}
