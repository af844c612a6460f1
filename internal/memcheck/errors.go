package memcheck

import (
	"fmt"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// finding is an error before it is handed to package report.
type finding struct {
	thread int
	kind   string // as suppressions name it: "Addr4", "Free"
	xml    string // as XML names it
	text   string
	stack  uint32
	addr   guest.Addr
	about  bool // describe addr
}

func (m *Memcheck) report(f finding) {
	if m.emit != nil {
		m.emit(f)
	}
}

// BadFree implements tool.HeapReplacer.
func (m *Memcheck) BadFree(t tool.Thread, fn string, a guest.Addr, _ tool.HeapBlock, _ bool) {
	m.report(finding{thread: t.ID(), kind: "Free", xml: "InvalidFree", stack: m.NewStack(t), addr: a, about: true,
		text: "Invalid free() / delete / delete[] / realloc()"})
}

// MismatchedFree implements tool.HeapReplacer.
func (m *Memcheck) MismatchedFree(t tool.Thread, _ string, _ tool.AllocKind, b tool.HeapBlock) {
	if !m.opts.showMismatched {
		return
	}
	m.report(finding{thread: t.ID(), kind: "Free", xml: "MismatchedFree", stack: m.NewStack(t), addr: b.Addr, about: true,
		text: "Mismatched free() / delete / delete []"})
}

// FishySize implements tool.HeapReplacer.
func (m *Memcheck) FishySize(t tool.Thread, fn, arg string, size int64) {
	m.report(finding{thread: t.ID(), kind: "FishyValue", xml: "FishyValue", stack: m.NewStack(t),
		text: fmt.Sprintf("Argument '%s' of function %s has a fishy (possibly negative) value: %d", arg, fn, size)})
}
