package heap

import (
	"sync"

	"gogrind/internal/guest"
)

// FrameTable knows the addresses at which functions are replaced, so that stacks that start there are printed with the
// frames of the replacement. Redirection fills it as objects come and go. Safe for concurrent use.
type FrameTable struct {
	mu sync.RWMutex
	at map[guest.Addr][]Frame // guarded by mu
	// gone are those of objects that are not mapped any more: old stacks lead through them. Guarded by mu.
	gone map[guest.Addr][]Frame
}

// Add notes that the function at a is replaced by h.
func (ft *FrameTable) Add(a guest.Addr, h *Hook) {
	ft.mu.Lock()
	defer ft.mu.Unlock()
	if ft.at == nil {
		ft.at = map[guest.Addr][]Frame{}
	}
	ft.at[a] = h.Frames
	for i, fr := range h.As { // nothing else has these addresses: the code there never runs
		ft.at[a+guest.Addr(i+1)] = fr
	}
}

// Remove forgets the functions in r, whose object is gone.
func (ft *FrameTable) Remove(r guest.Range) {
	ft.mu.Lock()
	defer ft.mu.Unlock()
	for a := range ft.at {
		if r.Contains(a) {
			if ft.gone == nil {
				ft.gone = map[guest.Addr][]Frame{}
			}
			ft.gone[a] = ft.at[a]
			delete(ft.at, a)
		}
	}
}

// Lookup returns the frames to print for pc, innermost first, nil if no function is replaced there.
func (ft *FrameTable) Lookup(pc guest.Addr) []Frame {
	ft.mu.RLock()
	defer ft.mu.RUnlock()
	return ft.at[pc]
}

// LookupOld is Lookup for a stack that leads through code that is not mapped any more.
func (ft *FrameTable) LookupOld(pc guest.Addr) []Frame {
	ft.mu.RLock()
	defer ft.mu.RUnlock()
	if f := ft.gone[pc]; f != nil {
		return f
	}
	return ft.at[pc]
}
