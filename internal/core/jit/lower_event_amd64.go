package jit

import (
	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// Event records are appended without a look at the room left: behind the buffer lies a page that faults. The scheduler then
// empties the buffer and goes on at the load of the pointer (Recover), so that everything behind it must be possible to do again.
// A group of records is stored from its end, and the pointer moves last: a group is in the buffer as a whole or not at all.
//
// All of it leaves the flags alone: it is made of moves and lea.

// Spill slots of event code; none is in use when another annotation is, or when a guest instruction is under way.
const (
	slotEvent = 8 // register that points into the buffer
	slotValue = 9 // register for values
	// SlotRounds is where a repeated instruction finds how many rounds it had ahead when it began.
	SlotRounds = 10
)

// eventSize is the size of a tool.Event: site and size in the first 8 bytes, value in the others.
const eventSize = 16

// maxGroup bounds the records of a group to less than the page that faults.
const maxGroup = guest.PageSize / eventSize / 2

// flushEvents emits the event annotations of instruction i that belong in front of it.
func (t *Translator) flushEvents(i int) {
	from := 0
	for j := range t.events {
		ann := &t.events[j]
		address := ann.Op == tool.OpEventAddr || ann.Op == tool.OpDataMiss
		switch {
		case ann.Op == tool.OpCodeMiss || ann.Op == tool.OpDataMiss && inlineMiss(&t.tr.insts[i], &t.block.Insts[i].Mem[ann.Mem]):
			t.appendEvents(i, t.events[from:j])
			t.emitAlone(i, ann)
			from = j + 1
		case address && !inlineAddr(&t.tr.insts[i], &t.block.Insts[i].Mem[ann.Mem]):
			t.appendEvents(i, t.events[from:j])
			t.goEvent(i, ann)
			from = j + 1
		}
		if ann.Op == tool.OpEventRounds {
			t.hot.store(spill(SlotRounds), rcx)
			t.later = append(t.later, *ann)
			t.appendEvents(i, t.events[from:j])
			from = j + 1
		}
	}
	t.appendEvents(i, t.events[from:])
	t.events = t.events[:0]
}

// lowerLater emits what belongs behind instruction i.
func (t *Translator) lowerLater(i int) {
	for j := range t.later {
		ann := &t.later[j]
		if ann.Op == tool.OpCount {
			t.lowerCount(t.tr.liveAfter(i), ann)
			continue
		}
		t.appendEvents(i, t.later[j:j+1])
		if ann.Op == tool.OpEventRounds && t.cfg.Caches.Data != nil {
			t.goEvent(i, &tool.Ann{Mem: -1})
		}
	}
	t.later = t.later[:0]
}

// inlineAddr reports whether the address of access acc is computed in line. Go computes those of masked accesses, element by
// element, and the odd ones.
func inlineAddr(in *inst, acc *amd64.Access) bool {
	if acc.Elem != 0 || acc.Outside || acc.Size == 0 {
		return false
	}
	switch acc.Addr {
	case amd64.AddrModRM, amd64.AddrRBP, amd64.AddrPush, amd64.AddrPop:
		return true
	case amd64.AddrRSI, amd64.AddrRDI:
		return in.Seg < amd64.SegFS
	}
	return false
}

// goEvent leaves to Go for an access whose address is not computed in line.
func (t *Translator) goEvent(i int, ann *tool.Ann) {
	site := t.hot.jmp(0)
	kind := uint8(coldEvent)
	if ann.Op == tool.OpDataMiss {
		kind = coldElems
	}
	t.tr.colds = append(t.tr.colds, coldStub{kind: kind, site: site, resume: t.hot.pos, inst: i, access: ann.Mem, event: eventArg(ann), recover: -1})
	t.point(t.tr.insts[i].pc, false, [3]uint8{})
}

// appendEvents emits one group of records.
func (t *Translator) appendEvents(i int, anns []tool.Ann) {
	for len(anns) > maxGroup {
		t.appendEvents(i, anns[:maxGroup])
		anns = anns[maxGroup:]
	}
	if len(anns) == 0 {
		return
	}
	in := &t.tr.insts[i]
	a := &t.hot
	values := false
	for j := range anns {
		values = values || anns[j].Op != tool.OpEvent
	}
	t.counts = true
	p, v := t.eventRegs(i)
	a.store(spill(slotEvent), p)
	if values {
		a.store(spill(slotValue), v)
	}
	again := a.pos
	a.load(p, slot(vcpu.OffEvents))
	for j := len(anns) - 1; j >= 0; j-- {
		ann := &anns[j]
		switch ann.Op {
		case tool.OpEventAddr:
			t.eventAddr(in, &t.block.Insts[i].Mem[ann.Mem], p, v)
		case tool.OpEventRounds:
			t.eventRounds(in, p, v)
		}
		if j == len(anns)-1 {
			t.recoverable()
			t.recover.last().to = uint32(again)
		}
		if ann.Op != tool.OpEvent {
			a.store(at(p, int32(eventSize*j+8)), v)
		}
		a.storeImm(at(p, int32(eventSize*j)), int32(ann.Arg))
		if ann.Op == tool.OpEventRounds {
			a.op(0, false, map0F|0x90|ccE, 0, at(p, int32(eventSize*j+4)), 0, false) // sete
		}
	}
	a.lea(p, at(p, int32(eventSize*len(anns))))
	a.store(slot(vcpu.OffEvents), p)
	if values {
		a.load(v, spill(slotValue))
	}
	a.load(p, spill(slotEvent))
	t.point(in.pc, false, [3]uint8{})
}

// eventReach is how far eventRegs looks.
const eventReach = 12

// eventRegs picks two registers that no address of instruction i is computed from.
func (t *Translator) eventRegs(i int) (p, v uint8) {
	in := &t.tr.insts[i]
	used := uint32(1<<rsp | 1<<rcx | 1<<rsi | 1<<rdi | 1<<rbp)
	if in.HasMem {
		used |= regsOf(&mem{base: in.Base, index: in.Index})
	}
	return t.freeRegs(i, used)
}

// eventAddr: v = address of the access. p is the buffer's pointer, also afterwards.
func (t *Translator) eventAddr(in *inst, acc *amd64.Access, p, v uint8) {
	m := t.eventOperand(in, acc)
	t.address(m, p, v)
	if m.seg != segNone {
		t.hot.load(p, slot(vcpu.OffEvents))
	}
}

// eventOperand is access acc, which is one of inlineAddr, as an operand. Its segment is the guest's.
func (t *Translator) eventOperand(in *inst, acc *amd64.Access) mem {
	short := in.ASize == 4
	switch acc.Addr {
	case amd64.AddrRSI:
		return mem{base: rsi, index: noReg, a32: short}
	case amd64.AddrRDI:
		return mem{base: rdi, index: noReg, a32: short}
	case amd64.AddrRBP:
		return at(rbp, 0)
	case amd64.AddrPush:
		return at(rsp, -int32(acc.Size))
	case amd64.AddrPop:
		return at(rsp, 0)
	}
	m := mem{base: in.Base, index: in.Index, scale: in.Scale, disp: int32(in.Disp), a32: short}
	if in.Base == amd64.RIP || m.base == noReg && m.index == noReg {
		m = mem{base: noReg, index: noReg, target: t.absolute(in)}
	} else {
		m.disp += int32(in.BeforePop())
	}
	switch in.Seg {
	case amd64.SegFS:
		m.seg = segFS
	case amd64.SegGS:
		m.seg = segGS
	}
	return m
}

// address: v = address of an eventOperand. If it has a segment, p is overwritten.
func (t *Translator) address(m mem, p, v uint8) {
	a := &t.hot
	seg := m.seg
	m.seg = segNone
	if m.base == noReg && m.index == noReg {
		a.movImm(v, m.target)
	} else {
		a.lea(v, m)
	}
	switch seg {
	case segFS:
		a.load(p, slot(vcpu.OffFSBase))
	case segGS:
		a.load(p, slot(vcpu.OffGSBase))
	default:
		return
	}
	a.lea(v, mem{base: v, index: p, scale: 1})
}

// eventRounds: v = rounds that a repeated instruction has made: what is gone from its counter. p is the buffer's pointer, also
// afterwards.
func (t *Translator) eventRounds(in *inst, p, v uint8) {
	a := &t.hot
	if in.ASize == 4 {
		a.op(0, false, 0x8b, v, spill(SlotRounds), 0, false)
		a.op32(p, rcx)
	} else {
		a.load(v, spill(SlotRounds))
		a.movReg(p, rcx)
	}
	a.b1(0x48 | p>>3) // not p
	a.b2(0xf7, 0xd0|p&7)
	a.lea(v, mem{base: v, index: p, scale: 1, disp: 1})
	a.load(p, slot(vcpu.OffEvents))
}

// op32: dst = src, 32 bits, zero-extended.
func (a *asm) op32(dst, src uint8) {
	if rex := src>>3<<2 | dst>>3; rex != 0 {
		a.b1(0x40 | rex)
	}
	a.b2(0x89, 0xc0|src&7<<3|dst&7)
}

// emitEventStub emits the cold part of goEvent or emitGroup.
func (t *Translator) emitEventStub(c *coldStub) {
	t.hot.patch(c.site, t.cold.pos)
	if c.kind == coldMiss || c.kind == coldFetch {
		t.emitMissStub(c)
		return
	}
	t.leaveForEvent(&t.cold, c)
}

// leaveForEvent emits the exit to Go for c.
func (t *Translator) leaveForEvent(a *asm, c *coldStub) {
	t.checks.add(check{pc: t.tr.insts[c.inst].pc, resume: uint32(c.resume), mem: uint8(c.access), event: c.event, miss: c.kind == coldMiss || c.kind == coldElems})
	a.leave(t, vcpu.ExitEvent, uint32(t.checks.n-1))
}

// eventArg is what ann says of its records or misses.
func eventArg(ann *tool.Ann) uint32 {
	if ann.Op == tool.OpDataMiss || ann.Op == tool.OpCodeMiss {
		return uint32(ann.Ptr)
	}
	return uint32(ann.Arg)
}

// GoEvent is an access whose address Go computes.
type GoEvent struct {
	PC     guest.Addr
	Access int     // -1 is the end of a repeated instruction
	Site   uint32  // of its records; with Miss, the address of the counters
	Miss   bool    // of an OpDataMiss
	Resume uintptr // where to go on
}

// EventAt describes event record n, which left to Go.
func (t *Translator) EventAt(n int) GoEvent {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.checks.at(uint32(n))
	return GoEvent{guest.Addr(c.pc), int(int8(c.mem)), c.event, c.miss, uintptr(t.base + uint64(c.resume))}
}

// lowerSharedCount is lowerCount for counters that several threads add to.
func (t *Translator) lowerSharedCount(live uint32, m mem, n int32) {
	a := &t.hot
	if live != 0 {
		a.store(spill(slotFlags), rax)
		a.flagsToAX()
	}
	a.b1(0xf0) // lock
	a.op(0, true, 0x81, 0, m, 4, false)
	a.u32(uint32(n))
	if live != 0 {
		a.flagsFromAX()
		a.load(rax, spill(slotFlags))
	}
}

// Share makes code that is translated from now on count for threads that run at the same time. flush says that there is code
// that does not, and that the cache is to be emptied for it. The caller is the only thread that there is.
func (t *Translator) Share() (flush bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shared {
		return false
	}
	t.shared = true
	for _, at := range t.misses.locks {
		t.hot.buf[at] = 0xf0 // lock; no thread runs
	}
	return t.counts
}

// lowerAgain is lower for counts and events of an instruction that is translated by Once: it has been begun before, and what is in
// front of it has been done.
func (t *Translator) lowerAgain(ann *tool.Ann) {
	if ann.Op == tool.OpEventRounds {
		t.later = append(t.later, *ann) // its rounds are counted from what SlotRounds has
	}
}

// Counting says that annotations must not be made twice for an instruction that is begun again.
func (t *Translator) Counting() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts
}
