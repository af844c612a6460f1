package memcheck

import (
	"fmt"
	"strings"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/tool"
)

// Leave implements tool.Leaver: translated code found a shadow byte of the access that forbids it.
func (m *Memcheck) Leave(t tool.Thread, kind isa.AccessKind, a guest.Addr, size int) {
	r := guest.Range{Start: a, End: a + guest.Addr(size)}
	bad, is := m.shadow.FirstNoAccess(r)
	if !is {
		return
	}
	if kind == isa.Load && m.partialLoad(r) {
		return
	}
	if kind&isa.Load != 0 {
		m.badAccess(t, "read", bad, size)
	}
	if kind&isa.Store != 0 {
		m.badAccess(t, "write", bad, size)
	}
}

func (m *Memcheck) badAccess(t tool.Thread, what string, a guest.Addr, size int) {
	m.report(finding{
		thread: t.ID(), kind: fmt.Sprintf("Addr%d", size), xml: "Invalid" + strings.ToUpper(what[:1]) + what[1:],
		text: fmt.Sprintf("Invalid %s of size %d", what, size), stack: m.NewStack(t), addr: a, about: true,
	})
}

// partialLoad reports whether r is an aligned load of a word or vector that begins or ends in accessible memory, which
// --partial-loads-ok lets pass: optimised string functions read like that.
func (m *Memcheck) partialLoad(r guest.Range) bool {
	n := r.Len()
	if !m.opts.partialLoadsOK || n < 4 || n > 32 || n&(n-1) != 0 || uint64(r.Start)&(n-1) != 0 {
		return false
	}
	_, some := m.shadow.FirstAccessible(r)
	return some
}
