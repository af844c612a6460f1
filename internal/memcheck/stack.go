package memcheck

import (
	"gogrind/internal/guest"
	"gogrind/internal/shadow"
	"gogrind/internal/tool"
)

// Stacks. What lies below the red zone of a stack pointer may not be accessed, and is undefined when it comes into use. Both are said
// by one mark: it is undefined in the shadow at any time, so that nothing needs to be marked when frames are made, and whoever
// finds undefined bytes asks whether they lie below the stack pointer. New stacks are marked as a whole; translated code marks
// what it releases. Of the stacks of other threads only the undefined state is known.

// stackRedZone is how far below the stack pointer the amd64 ABI lets leaf functions work.
const stackRedZone = 128

// StackMoved implements tool.StackWatcher: what a signal frame or a call by the core takes of the stack is undefined, as is what it
// gives back. The red zone moves along.
func (m *Memcheck) StackMoved(t tool.Thread, from, to guest.Addr) {
	if m.ofGo(guest.Addr(t.Regs().RIP)) {
		return
	}
	lo, hi := min(from, to), max(from, to)
	m.shadow.MakeUndefined(guest.Range{Start: lo - stackRedZone, End: hi - stackRedZone})
}

// ThreadCreated implements tool.ThreadWatcher: a stack that was mapped as such is new. Stacks that programs make in other memory
// have the state of that memory until they have been used once.
func (m *Memcheck) ThreadCreated(_, t tool.Thread) {
	sp := guest.Addr(t.Regs().GPR[guest.RSP])
	m.host.Mappings(func(mp tool.Mapping) bool {
		if mp.Stack && mp.Contains(sp-1) {
			m.belowStack(t)
		}
		return mp.Start <= sp
	})
}

// ThreadEnded implements tool.ThreadWatcher.
func (m *Memcheck) ThreadEnded(tool.Thread) {}

// stackMarked is how much of the memory below the stack pointer is marked at most: stacks without a limit are huge. Deeper calls
// find the rest defined.
const stackMarked = 64 << 20

// belowStack marks what lies below the stack pointer of a new stack.
func (m *Memcheck) belowStack(t tool.Thread) {
	r := t.Stack()
	sp := guest.Addr(t.Regs().GPR[guest.RSP])
	if !r.Contains(sp) || sp-r.Start < stackRedZone || m.ofGo(guest.Addr(t.Regs().RIP)) {
		return
	}
	r.End = sp - stackRedZone
	r.Start = max(r.Start, r.End-min(r.End, stackMarked))
	m.shadow.MakeUndefined(r)
}

// belowSP reports whether r begins on t's stack below its red zone, where it may not be accessed.
func (m *Memcheck) belowSP(t tool.Thread, r guest.Range) bool {
	sp := guest.Addr(t.Regs().GPR[guest.RSP])
	return r.Start < sp-stackRedZone && sp-r.Start <= stackMarked && t.Stack().Contains(r.Start) &&
		isUndefined(m.shadow.At(r.Start))
}

// isUndefined reports whether shadow byte v is that of a wholly undefined byte. A tag may stay when a frame is left by a jump.
func isUndefined(v byte) bool { return v == shadow.Undefined || v == guest.Tagged }
