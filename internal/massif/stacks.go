package massif

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// threadStack is what is known of a thread's stack.
type threadStack struct {
	base guest.Addr // stack pointer when the thread began: what was there before doesn't count
	sp   guest.Addr
	time int64 // of the last change
}

func (s *threadStack) used() uint64 {
	if s.sp >= s.base {
		return 0
	}
	return uint64(s.base - s.sp)
}

// Sites of events are the number of bytes that are popped, or 0 for a push.
const sitePush = 0

// stackEvents asks for an event wherever the block pushes or pops: the addresses of these accesses tell the stack
// pointer. A frame that is only reserved shows with the next push or call.
func stackEvents(b *tool.Block) {
	for i := range b.Insts {
		in := &b.Insts[i]
		for j := range in.Mem {
			switch in.Mem[j].Addr {
			case amd64.AddrPush:
				b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpEventAddr, Mem: j, Arg: sitePush})
			case amd64.AddrPop:
				b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpEventAddr, Mem: j, Arg: int64(in.Mem[j].Size)})
			}
		}
	}
}

// Events implements tool.EventWatcher.
func (m *Massif) Events(t tool.Thread, ev []tool.Event) {
	if !m.opts.stacks {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stack(t)
	// When in the batch an event happened is not known; they are taken to be spread evenly.
	from, to := s.time, m.now()
	for i := range ev {
		e := &ev[i]
		at := m.now()
		if m.opts.timeUnit != unitBytes {
			at = from + (to-from)*int64(i+1)/int64(len(ev))
		}
		m.stackTo(s, guest.Addr(e.Value)+guest.Addr(e.Site), at)
	}
	s.time = to
}

// stack is what is known about the stack of t. The caller holds mu.
func (m *Massif) stack(t tool.Thread) *threadStack {
	s := m.threads[t.ID()]
	if s == nil {
		sp := guest.Addr(t.Regs().GPR[guest.RSP])
		s = &threadStack{base: sp, sp: sp, time: m.now()}
		m.threads[t.ID()] = s
	}
	return s
}

// stackTo sets a stack pointer. The caller holds mu.
func (m *Massif) stackTo(s *threadStack, sp guest.Addr, at int64) {
	if sp == s.sp {
		return
	}
	if d := int64(sp) - int64(s.sp); d > m.core.MaxStackframe || -d > m.core.MaxStackframe {
		s.base += sp - s.sp // another stack: as deep as the one before
		s.sp = sp
		return
	}
	before := s.used()
	shrinks := sp > s.sp
	if shrinks && before != 0 {
		m.rec.beforeFree(at, m.use)
	}
	s.sp = sp
	after := s.used()
	m.use.stacks += after - before
	d := int64(after - before)
	if d < 0 {
		d = -d
	}
	m.moved += uint64(d)
	m.rec.normal(at, m.use)
}

// ThreadCreated implements tool.ThreadWatcher.
func (m *Massif) ThreadCreated(parent, child tool.Thread) {
	if m.opts.pagesAsHeap && parent == nil {
		m.mappedAtStart(guest.Addr(child.Regs().GPR[guest.RSP]))
	}
	if !m.opts.stacks {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.threads, child.ID())
	m.stack(child)
}

// ThreadEnded implements tool.ThreadWatcher.
func (m *Massif) ThreadEnded(t tool.Thread) {
	if !m.opts.stacks {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stack(t)
	m.stackTo(s, s.base, m.now())
	delete(m.threads, t.ID())
}
