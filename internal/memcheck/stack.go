package memcheck

import (
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// StackMoved implements tool.StackWatcher: what a signal frame or a call by the core takes of the stack may be accessed and is
// undefined, what it gives back may not be. The red zone moves along.
func (m *Memcheck) StackMoved(_ tool.Thread, from, to guest.Addr) {
	if to < from {
		m.undefined(guest.Range{Start: to - stackRedZone, End: from - stackRedZone})
	} else {
		m.shadow.MakeNoAccess(guest.Range{Start: from - stackRedZone, End: to - stackRedZone})
	}
}
