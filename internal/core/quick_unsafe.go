package core

import (
	"unsafe"

	"gogrind/internal/core/heap"
	"gogrind/internal/core/sched"
	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/tool"
	"gogrind/internal/unwind"
)

// setQuick makes calls of the heap's functions run without Go where that is possible (package heap, Quick). It is called before
// code is translated, and nothing is quick before enableQuick.
func (p *Process) setQuick() {
	if _, ok := p.tool.(tool.QuickHeaper); ok && p.heap != nil && chaosSeed() == 0 {
		vcpu.SetQuick(heap.Quick, unsafe.Pointer(p.heap))
	}
}

// enableQuick begins with it, if the tool, which has started, agrees.
func (p *Process) enableQuick() {
	if q, ok := p.tool.(tool.QuickHeaper); ok && p.heap != nil && chaosSeed() == 0 {
		if conf, ok := q.QuickHeap(); ok {
			p.heap.Enable(conf)
		}
	}
}

// watch is called before the stack of t is looked for.
func (p *Process) watch(t tool.Thread) (version uint32) {
	if u, ok := t.(*sched.Thread).Unwinder.(*unwind.Unwinder); ok {
		u.Forget()
	}
	return p.paths.Version()
}

// learn tells what t's unwinder has read to find the stack with number id.
func (p *Process) learn(t tool.Thread, version, id uint32) {
	th := t.(*sched.Thread)
	u, _ := th.Unwinder.(*unwind.Unwinder)
	if u == nil {
		return
	}
	if steps, ok := u.Steps(); ok {
		p.paths.Add(version, t.Regs().RIP+uint64(th.ActsAs), steps, id) // its innermost entry, see Unwind
	}
}

// quickFault goes on where Quick came upon memory that can't be accessed.
func (p *Process) quickFault(t *sched.Thread, phase uint64) (done bool) {
	if phase != heap.PhaseFill {
		return false
	}
	p.heap.Filled(guest.Addr(t.Regs().GPR[guest.RAX]))
	return true
}
