package memcheck

import (
	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
)

// Go's runtime moves stacks about, looks at words in them that nobody has stored to, and runs many of them in memory that is no stack to the
// kernel; signal handlers and the scheduler work on one stack while the stack pointer is in another one. And the compiler sets variables
// to zero. So there is nothing to find in marks of what Go's code releases of a stack, and much to find wrongly.

// ofGo reports whether the code at pc was linked by Go's linker. Its stacks are left as they are: defined.
func (m *Memcheck) ofGo(pc guest.Addr) bool {
	symbols, ok := m.host.Symbols().(*debuginfo.Space)
	if !ok {
		return false
	}
	obj := symbols.Object(pc)
	if obj == nil {
		return false
	}
	if v, ok := m.goObjects.Load(obj); ok {
		return v.(bool)
	}
	note, _ := obj.Section(".note.go.buildid") // cmd/link writes it into each file, and strip leaves it there
	m.goObjects.Store(obj, note != nil)
	return note != nil
}
