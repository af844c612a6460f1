package jit

import (
	"encoding/binary"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// Spill slots of the context by use. The first three may hold guest registers at a fault: see point.spill.
const (
	slotRCX   = 0 // rcx during an indirect branch, or the scratch register of an operand
	slotRDX   = 1 // rdx during an indirect branch, or the second scratch register
	slotSeg   = 2 // scratch register of an indirect branch's own operand
	slotFlags = 3 // rcx while a check preserves the flags
	slotA     = 4 // rax, flags and target inside the shared look-up routine
	slotF     = 5
	slotT     = 6
	slotSP    = 7 // stack pointer before an instruction that changes it in an unknown way
)

func spill(n int) mem { return slot(vcpu.OffSpill + int32(8*n)) }

// newExit makes an exit record for guest address target.
func (t *Translator) newExit(target uint64) uint32 {
	t.exits.add(exit{target: target, frag: t.tr.frag, ver: t.now})
	return uint32(t.exits.n - 1)
}

// leave emits the way to Go with exit kind and argument.
func (a *asm) leave(t *Translator, kind int, arg uint32) {
	b := a.buf[a.pos:][:12:12]
	b[0], b[1], b[2], b[3] = segFS, 0xc7, 0x04, 0x25 // movl $code, %fs:OffExit
	binary.LittleEndian.PutUint32(b[4:], uint32(vcpu.OffExit))
	binary.LittleEndian.PutUint32(b[8:], vcpu.Code(kind, int(arg)))
	a.pos += len(b)
	a.jmp(t.exitStub)
}

// translate makes the fragment for pc. With indirect it starts with the check that indirect branches need. mu is held.
func (t *Translator) translate(pc uint64, indirect bool) (uint32, error) {
	if t.cfg.Timed {
		defer t.addTime(threadTime())
	}
	replaced := t.ver == verFast || t.ver >= firstSet
	if t.cfg.Hook != nil && replaced {
		if n, ok := t.cfg.Hook(guest.Addr(pc)); ok {
			if t.isDirty() && !t.quickInDirty(n) {
				return 0, errStep
			}
			return t.translateHook(pc, n, indirect), nil
		}
	}
	if t.cfg.Redirect != nil && replaced {
		if to, ok := t.cfg.Redirect(guest.Addr(pc)); ok {
			return t.translateRedirect(pc, uint64(to), indirect), nil
		}
	}
	if t.ver == verFast && !t.once && !indirect {
		if f := t.middle(pc); f != 0 {
			return f, nil
		}
	}
	if err := t.findTraceSafely(pc); err != nil {
		return 0, err
	}
	tr := &t.tr
	if t.ver >= firstSet && !t.cutDirty() {
		return 0, errStep
	}
	if t.clocked() {
		t.planClock()
	}
	t.begin(pc, tr.next, indirect)
	if t.cfg.Verify != nil && !t.once && t.cfg.Verify(guest.Addr(pc)) {
		t.point(pc, true, [3]uint8{})
		t.hot.leave(t, vcpu.ExitVerify, tr.frag)
		fr := t.frags.at(tr.frag)
		fr.sum, fr.verified = tr.checksum(), uint32(t.hot.pos)
	}
	if t.cfg.Tool != nil {
		t.instrument()
		t.startFrame()
		t.groupMisses()
	}
	for i := 0; i < tr.n; i++ {
		in := &tr.insts[i]
		if in.joined {
			t.forgetPassed()
		}
		in.host = t.hot.pos
		if t.cfg.Trace != nil {
			tr.nLines = append(tr.nLines[:i], t.hot.pos)
		}
		in.point, in.relies, in.relied = len(tr.points), i, false
		t.pointBefore(i)
		taken := len(tr.taken)
		if in.move.needs() {
			t.emitNeed(i)
		}
		t.before(i)
		switch in.move.kind {
		case moveLoad, moveStore, moveRegs:
			t.emitMove(i)
		case moveField:
			t.emitField(i)
		}
		if t.cfg.Tool != nil && in.repeats() {
			t.pointRounds(i) // the processor stops between two rounds with exact state
		}
		t.emit(i, taken)
		if t.behind.kind != afterNone {
			t.emitBehind()
		}
		if t.cfg.Tool != nil {
			t.passFrame(in)
		}
		if len(t.later) > 0 {
			t.lowerLater(i)
		}
		if t.ver >= firstSet {
			t.emitDirty(i)
		}
	}
	switch {
	case t.ver == verStep:
		t.hot.leave(t, vcpu.ExitStep, 0)
	case !tr.ends:
		if t.clocked() {
			t.lowerTick(t.flagsAt(tr.next).live, tr.lastTick)
		}
		t.directExit(-1, tr.next)
	}
	t.emitWarm()
	t.emitTakens()
	t.emitCold()
	for _, j := range tr.inner {
		t.hot.patch(j.site, tr.insts[j.index].host)
	}
	t.noteMiddles()
	t.end()
	t.stats.Insts += uint64(tr.n)
	t.stats.GuestBytes += tr.next - tr.start
	if t.cfg.Trace != nil {
		t.traceLines()
	}
	return tr.frag, nil
}

// callsItself is the first call of the trace to where it starts, nil if there is none.
func (t *Translator) callsItself() *inst {
	if t.ver != verFast || t.once || !t.tr.calls {
		return nil
	}
	for i := range t.tr.insts[:t.tr.n] {
		if in := &t.tr.insts[i]; in.flow == flowCall && in.target == t.tr.start {
			return in
		}
	}
	return nil
}

// begin opens a new fragment for guest code [pc, end).
func (t *Translator) begin(pc, end uint64, indirect bool) {
	tr := &t.tr
	tr.start, tr.next, tr.self = pc, end, nil
	tr.frag = uint32(t.frags.n)
	t.hot.pos = (t.hot.pos + 15) &^ 15
	tr.points, tr.lastPoint = tr.points[:0], point{host: uint32(t.hot.pos)}
	f := fragment{pc: pc, end: end, ver: t.ver, start: uint32(t.hot.pos), cold: uint32(t.cold.pos),
		exits: uint32(t.exits.n), landings: uint32(t.landings.n)}
	if indirect {
		f.entry = uint32(t.hot.pos)
		t.emitPrefix(pc)
		t.setBack(pc)
	} else if in := t.callsItself(); in != nil {
		t.secondHalf(in.pc+uint64(in.Len), 0)
		tr.self, tr.selfLanding = in, t.hot.pos-4
	} else if t.lead != 0 {
		c := t.calls.at(t.lead - 1)
		t.secondHalf(c.next, c.landing)
		t.lead = 0
	}
	f.body = uint32(t.hot.pos)
	t.frags.add(f)
	t.remember(pc, t.ver, tr.frag)
}

func (t *Translator) end() {
	f := t.frags.at(t.tr.frag)
	f.hotEnd, f.coldEnd = uint32(t.hot.pos), uint32(t.cold.pos)
	f.points, f.nPoint = t.pointBytes.put(t.tr.points), uint32(len(t.tr.points))
	f.nExit = uint32(t.exits.n) - f.exits
	f.nLanding = uint32(t.landings.n) - f.landings
	for p := f.pc >> 12; p <= (f.end-1)>>12; p++ {
		t.onPages.add(onPage{t.tr.frag, t.byPage.get(p)})
		t.byPage.set(p, uint32(t.onPages.n))
	}
	t.stats.Fragments++
	if t.cfg.Translated != nil && !t.once {
		t.cfg.Translated(guest.Range{Start: guest.Addr(f.pc), End: guest.Addr(f.end)})
	}
}

// plain reports whether hook n is for a function with integer arguments and result.
func (t *Translator) plain(n int) bool { return t.cfg.Plain != nil && t.cfg.Plain(n) }

// translateHook makes the fragment for a replaced function: it goes to Go at once.
func (t *Translator) translateHook(pc uint64, n int, indirect bool) uint32 {
	t.tr.warm, t.tr.colds, t.tr.inner, t.tr.n = t.tr.warm[:0], t.tr.colds[:0], t.tr.inner[:0], 0
	t.begin(pc, pc+1, indirect)
	t.point(pc, true, [3]uint8{})
	if t.clocked() {
		t.lowerTick(arithFlags, t.phaseOf(pc, 0))
	}
	if t.plain(n) {
		if t.hookStub == t.exitStub {
			t.hot.storeImm(slot(vcpu.OffNoVec), 1)
		}
		if t.isDirty() {
			t.hot.storeImm(slot(vcpu.OffDirty), int32(t.behindHook()))
		}
		t.hot.storeImm32(slot(vcpu.OffExit), vcpu.Code(vcpu.ExitHook, n))
		t.hot.jmp(t.hookStub)
	} else {
		t.hot.leave(t, vcpu.ExitHook, uint32(n))
	}
	t.end()
	return t.tr.frag
}

// translateRedirect makes the fragment for a function that other guest code stands in for.
func (t *Translator) translateRedirect(pc, to uint64, indirect bool) uint32 {
	t.tr.warm, t.tr.colds, t.tr.inner, t.tr.n = t.tr.warm[:0], t.tr.colds[:0], t.tr.inner[:0], 0
	t.begin(pc, pc+1, indirect)
	t.point(pc, true, [3]uint8{})
	if t.clocked() {
		t.lowerTick(arithFlags, t.phaseOf(pc, 0)-t.phaseOf(to, 0))
	}
	t.directExit(-1, to)
	t.emitCold()
	t.end()
	return t.tr.frag
}

// emit copies instruction i, adapted to its new place. Its counts in trace.taken begin at taken.
func (t *Translator) emit(i, taken int) {
	tr, a := &t.tr, &t.hot
	in := &tr.insts[i]
	next := in.pc + uint64(in.Len)
	switch in.flow {
	case flowNext:
		t.copyInst(in)
	case flowJcc:
		t.conditionalExit(in, taken)
	case flowLoop:
		// F2 and F3 decide between loope and loopne; 66 would cut the host's rip on AMD.
		for _, b := range in.code[:in.OpOff] {
			if b != 0x66 {
				a.b1(b)
			}
		}
		a.b2(in.Op, 2)
		skip := a.pos + 1
		a.b2(0xeb, 0)
		t.countedJump(in.target, taken, len(tr.taken))
		a.buf[skip] = byte(a.pos - skip - 1)
	case flowJmp:
		t.directExit(-1, in.target)
	case flowCall:
		a.alignField(1)
		a.b1(0xe8)
		if in == tr.self {
			a.rel32(int(t.frags.at(tr.frag).start))
			putLE32(a.buf[tr.selfLanding:], uint32(a.addr()))
		} else {
			a.u32(0)
			tr.warm = append(tr.warm, callStub{site: a.pos - 4, landing: a.pos, next: next, target: in.target, ver: t.now})
		}
		t.emitLanding(next, tr.liveAfter(i))
	case flowCallInd:
		t.indirectTarget(in)
		a.b1(0xe8)
		a.u32(0)
		tr.warm = append(tr.warm, callStub{site: a.pos - 4, landing: a.pos, next: next, indirect: true, ver: t.now})
		t.emitLanding(next, tr.liveAfter(i))
	case flowJmpInd:
		if !t.emitSlotJump(i) {
			t.indirectTarget(in)
			t.jmpIndirect(t.now)
		}
	case flowRet:
		t.emitReturn(in)
	case flowSyscall:
		a.leave(t, vcpu.ExitSyscall, t.newExit(next))
	case flowRequest:
		a.leave(t, vcpu.ExitRequest, t.newExit(next))
	case flowTrap:
		a.raw(in.code)
		if t.ver == verStep {
			t.point(next, true, [3]uint8{}) // where it traps
		}
	case flowBase:
		t.emitBase(in)
	case flowStop:
		t.emitStop(in)
	}
}

// emitReturn emits a return: the host address goes from the return plane to the stack, above the guest's return address, and ret
// drops both. A return that drops arguments too, which hardly any 64-bit code has, is an indirect jump, as landings look for the
// guest's address right below the stack pointer.
func (t *Translator) emitReturn(in *inst) {
	a := &t.hot
	if t.isDirty() {
		t.emitDirtyReturn(in)
		return
	}
	if in.returns() {
		a.op(0, false, 0xff, 6, mem{seg: segFS, base: rsp, index: noReg, disp: guest.ReturnPlane}, 0, false) // pushq
		a.bytes(0xc2, 8, 0)
		return
	}
	a.store(spill(slotRCX), rcx)
	a.load(rcx, at(rsp, 0))
	a.store(spill(slotRDX), rdx)
	t.hash()
	a.lea(rsp, at(rsp, in.popped()))
	a.jmpL1()
}

// returns reports whether in is emitted as a return of the processor's.
func (in *inst) returns() bool { return in.Op == 0xc3 && !in.resume }

// popped is how many bytes a return takes off the stack.
func (in *inst) popped() int32 {
	if in.Op == 0xc2 {
		return 8 + int32(uint16(in.Imm))
	}
	return 8
}

// directExit emits a jump (cc < 0) or conditional jump to guest address target. It returns the number of its exit, 0 for a jump
// inside of the trace.
func (t *Translator) directExit(cc int, target uint64) uint32 {
	a, tr := &t.hot, &t.tr
	if k := t.inside(target); k >= 0 {
		// Backward jumps know their place already.
		site := 0
		if cc < 0 {
			site = a.jmp(tr.insts[k].host)
		} else {
			site = a.jcc(byte(cc), tr.insts[k].host)
		}
		tr.inner = append(tr.inner, innerJump{site, k})
		return 0
	}
	return t.outerExit(cc, target)
}

// inside is the index of the instruction at target that the code being made goes on with in this trace, -1 if it leaves.
func (t *Translator) inside(target uint64) int {
	k := t.tr.indexOf(target)
	// A function that calls itself by another's place is called there.
	if k == 0 && t.ver == verOriginal || k >= 0 && t.ver >= firstSet && t.tr.insts[k].ver != t.now {
		return -1
	}
	return k
}

// outerExit is directExit for a target outside of the trace, or one that is to be reached as if it were.
func (t *Translator) outerExit(cc int, target uint64) uint32 {
	a, tr := &t.hot, &t.tr
	n := t.newExit(target)
	site := 0
	if cc < 0 {
		a.alignField(1)
		site = a.jmp(0)
	} else {
		a.alignField(2)
		site = a.jcc(byte(cc), 0)
	}
	t.exits.at(n).site = uint32(site)
	tr.colds = append(tr.colds, coldStub{kind: coldExit, site: site, exit: n})
	return n
}

// emitLanding emits what a call returns to: a comparison of the address just popped with the one expected. Flags are left alone
// if live has any.
func (t *Translator) emitLanding(next uint64, live uint32) {
	a := &t.hot
	if t.isDirty() {
		t.emitDirtyLanding(next, live)
		return
	}
	popped := at(rsp, -8)
	small := next < 1<<31
	switch {
	case live == 0 && small:
		a.alignField(5)
		a.op(0, true, 0x81, 7, popped, 4, false) // cmpq $next, -8(%rsp)
		t.landings.add(landing{uint32(a.pos), 0xffffffff})
		a.u32(uint32(next))
		a.jcc(ccNE, t.missRet)
	case live == 0:
		a.alignField(4)
		a.op(0, false, 0x81, 7, popped, 4, false) // cmpl
		t.landings.add(landing{uint32(a.pos), ^uint32(next)})
		a.u32(uint32(next))
		a.jcc(ccNE, t.missRet)
		a.op(0, false, 0x81, 7, at(rsp, -4), 4, false)
		a.u32(uint32(next >> 32))
		a.jcc(ccNE, t.missRet)
	default:
		a.store(spill(slotRCX), rcx)
		t.compareLanding(popped, next)
	}
}

// compareLanding compares the return address at m with next and leaves the flags alone. rcx is in its slot.
func (t *Translator) compareLanding(m mem, next uint64) {
	a := &t.hot
	if next < 1<<31 {
		a.load(rcx, m)
		a.alignField(3)
		a.bytes(0x48, 0x8d, 0x89) // lea -next(%rcx), %rcx
		t.landings.add(landing{uint32(a.pos), 1})
		a.u32(uint32(-int32(next)))
	} else {
		a.store(spill(slotRDX), rdx)
		a.load(rcx, m)
		a.alignField(3)
		a.bytes(0x48, 0x8d, 0x89) // lea 0(%rcx), %rcx: the field that discarding changes
		t.landings.add(landing{uint32(a.pos), 1})
		a.u32(0)
		a.movImm(rdx, -next)
		a.lea(rcx, mem{base: rcx, index: rdx, scale: 1})
		a.load(rdx, spill(slotRDX))
	}
	a.b2(0xe3, 9+5) // jrcxz over the reload and the jump
	a.load(rcx, spill(slotRCX))
	a.jmp(t.missRet)
	a.load(rcx, spill(slotRCX))
}

// emitWarm emits the second halves of calls: put the guest's return address in the place of the host's, note the landing in the
// return plane, go on to the callee.
func (t *Translator) emitWarm() {
	a := &t.hot
	for _, c := range t.tr.warm {
		a.patch(c.site, a.pos)
		warm := a.pos
		t.secondHalf(c.next, uint32(c.landing))
		t.now = c.ver
		if c.indirect {
			t.jmpIndirect(c.ver)
		} else if n := t.callExit(c.target); n != 0 && c.ver == verFast {
			t.calls.add(callSite{next: c.next, field: uint32(c.site), warm: uint32(warm), landing: uint32(c.landing)})
			t.exits.at(n).call = uint32(t.calls.n)
		}
	}
}

// callExit is directExit for a call. What it adds to the clock is for the phase of target, which in this trace may be another.
func (t *Translator) callExit(target uint64) uint32 {
	if t.clocked() {
		return t.outerExit(-1, target)
	}
	return t.directExit(-1, target)
}

// secondHalf emits the stores of a call. The order matters: with the plane written first, returns of short functions take ten
// times as long on Zen 4, as if the processor expected the other store's value there (DESIGN.md, "Why a return plane?").
func (t *Translator) secondHalf(next uint64, landing uint32) {
	a := &t.hot
	if next < 1<<31 {
		a.storeImm(at(rsp, 0), int32(next))
	} else {
		a.storeImm32(at(rsp, 0), uint32(next))
		a.storeImm32(at(rsp, 4), uint32(next>>32))
	}
	a.storeImm(mem{seg: segFS, base: rsp, index: noReg, disp: guest.ReturnPlane}, int32(t.base)+int32(landing))
}

// indirectTarget emits the load of a branch's target into rcx and its hash into rdx; rcx and rdx are spilled.
func (t *Translator) indirectTarget(in *inst) {
	a := &t.hot
	sp := [3]uint8{rcx + 1, rdx + 1}
	if in.HasMem {
		// The operand is read first, as it may be addressed with any register and may fault.
		m, scratch := t.operand(in, slotSeg)
		a.store(spill(slotRCX), rcx)
		a.load(rcx, m)
		if scratch >= 0 {
			a.load(uint8(scratch), spill(slotSeg))
			if scratch == rcx {
				// operand never picks rcx or rdx here
				panic("jit: scratch register of an indirect branch")
			}
		}
	} else {
		r := in.ModRM&7 | in.Rex<<3&8
		a.store(spill(slotRCX), rcx)
		if r != rcx {
			a.movReg(rcx, r)
		}
	}
	a.store(spill(slotRDX), rdx)
	t.hash()
	t.point(in.pc, false, sp)
}

// hash: rdx = index into the first-level table for the address in rcx, flags untouched.
func (t *Translator) hash() {
	a := &t.hot
	if hasBMI2 {
		a.bytes(0xc4, 0xe3, 0xfb, 0xf0, 0xd1, byte(l1Shift)) // rorx $l1Shift, %rcx, %rdx
		a.bytes(0x0f, 0xb7, 0xd2)                            // movzwl %dx, %edx
		return
	}
	a.bytes(0x0f, 0xb7, 0xd1) // movzwl %cx, %edx
}

// jmpIndirect emits the look-up of the target that indirectTarget has loaded, for version ver.
func (t *Translator) jmpIndirect(ver uint32) {
	if ver == verFast {
		t.hot.jmpL1()
	} else {
		t.hot.jmp(t.dirtyIB)
	}
}

// jmpL1: jmp *l1(,%rdx,8)
func (a *asm) jmpL1() {
	a.bytes(0xff, 0x24, 0xd5)
	a.u32(uint32(a.base) + l1Off)
}

// emitPrefix emits the entry that indirect branches use: rcx has the address wanted, which may be another one that shares the
// table entry. Flags are untouched: what comes next may be any code.
func (t *Translator) emitPrefix(pc uint64) {
	a := &t.hot
	if pc < 1<<31 {
		a.bytes(0x48, 0x8d, 0x89) // lea -pc(%rcx), %rcx
		a.u32(uint32(-int32(pc)))
		a.b2(0xe3, 7+5)
		a.bytes(0x48, 0x8d, 0x89)
		a.u32(uint32(pc))
	} else {
		a.movImm(rdx, -pc)
		a.lea(rcx, mem{base: rcx, index: rdx, scale: 1})
		skip := a.pos + 1
		a.b2(0xe3, 0)
		a.movImm(rdx, pc)
		a.lea(rcx, mem{base: rcx, index: rdx, scale: 1})
		a.buf[skip] = byte(a.pos + 5 - skip - 1)
	}
	a.jmp(t.missIB)
	a.load(rcx, spill(slotRCX))
	a.load(rdx, spill(slotRDX))
}

// emitThunk gives fragment f an indirect entry behind the newest code.
func (t *Translator) emitThunk(f uint32) {
	a := &t.cold
	a.pos = (a.pos + 15) &^ 15
	hot := t.hot
	t.hot = *a // the thunk lives with the cold code, written by the same routine
	entry := t.hot.pos
	t.emitPrefix(t.frags.at(f).pc)
	t.setBack(t.frags.at(f).pc)
	t.hot.jmp(int(t.frags.at(f).body))
	a.pos = t.hot.pos
	t.hot = hot
	t.frags.at(f).entry = uint32(entry)
}

// emitShared emits the routines that all fragments use.
func (t *Translator) emitShared() {
	a := &t.hot
	cond := func(cc byte) int { a.b2(0x70|cc, 0); return a.pos - 1 }
	fix := func(at int) { a.buf[at] = byte(a.pos - at - 1) }

	// missIB: the first-level entry is for another address. Probe the second level with all flags saved.
	t.missIB = a.pos
	a.store(spill(slotA), rax)
	a.flagsToAX()
	a.store(spill(slotF), rax)            // ah: SF ZF AF PF CF; al: OF
	a.bytes(0x89, 0xc8)                   // mov %ecx, %eax
	a.bytes(0xc1, 0xe0, 32-l2Bits)        // shl $(32-l2Bits), %eax
	a.bytes(0xc1, 0xe8, 32-l2Bits+l2Turn) // shr $(32-l2Bits+l2Turn), %eax
	a.bytes(0x89, 0xca)                   // mov %ecx, %edx
	a.bytes(0xc1, 0xe2, l2Bits-l2Turn)    // shl $(l2Bits-l2Turn), %edx
	a.bytes(0x09, 0xc2)                   // or %eax, %edx
	a.movReg(rax, rcx)                    //
	a.bytes(0x48, 0xc1, 0xe8, l2Bits)     // shr $l2Bits, %rax
	a.bytes(0x31, 0xc2)                   // xor %eax, %edx
	a.bytes(0x81, 0xe2)
	a.u32(1<<l2Bits - 1) // and $mask, %edx
	probe := a.pos
	a.bytes(0x89, 0xd0)       // mov %edx, %eax
	a.bytes(0xc1, 0xe0, 0x04) // shl $4, %eax
	tab := int32(t.base) + l2Off
	a.op(0, true, 0x39, rcx, at(rax, tab), 0, false) // cmp %rcx, tab(%rax)
	found := cond(ccE)
	a.op(0, true, 0x83, 7, at(rax, tab), 1, false) // cmpq $0, tab(%rax)
	a.b1(0)
	missing := cond(ccE)
	a.bytes(0xff, 0xc2) // inc %edx
	a.bytes(0x81, 0xe2)
	a.u32(1<<l2Bits - 1)
	a.b2(0xeb, byte(probe-(a.pos+2)))
	fix(found)
	a.op(0, false, 0x8b, rax, at(rax, tab+8), 0, false) // mov tab+8(%rax), %eax: offset of the entry
	a.bytes(0x85, 0xc0)                                 // test %eax, %eax
	gone := cond(ccE)
	a.bytes(0x48, 0x05) // add $base, %rax
	a.u32(uint32(t.base))
	t.hash()
	a.op(0, true, 0x89, rax, mem{base: noReg, index: rdx, scale: 8, disp: int32(t.base) + l1Off}, 0, false)
	a.store(spill(slotT), rax)
	a.load(rax, spill(slotF))
	a.flagsFromAX()
	a.load(rax, spill(slotA))
	a.op(0, false, 0xff, 4, spill(slotT), 0, false) // jmp *slotT
	fix(missing)
	fix(gone)
	a.store(slot(vcpu.OffIBTarget), rcx)
	a.load(rax, spill(slotF))
	a.flagsFromAX()
	a.load(rax, spill(slotA))
	a.load(rcx, spill(slotRCX))
	a.load(rdx, spill(slotRDX))
	a.leave(t, vcpu.ExitIndirect, 0)

	t.emitDirtyLookup()
	t.emitMissReturn()
	t.emitMoveStack()
	t.emitStores()
	t.emitReps()
	t.emitPartly()
	t.emitMisses()
}

// MissReturn is the host address that stands in a return plane for "look the address up".
func (t *Translator) MissReturn() uint64 { return t.base + uint64(t.missRet) }

// emitCold emits the out-of-line code of the fragment.
func (t *Translator) emitCold() {
	a := &t.cold
	for n := range t.tr.colds {
		c := &t.tr.colds[n]
		switch c.kind {
		case coldRep:
			t.emitRepStub(c)
		case coldMove:
			t.emitMoveStub(n, c)
		case coldPartly:
			t.emitPartlyStub(c)
		case coldExit, coldApart:
			if c.kind == coldApart {
				t.recover.at(uint32(c.recover)).to = uint32(a.pos)
			}
			e := t.exits.at(c.exit)
			e.stub = uint32(a.pos)
			t.hot.patch(c.site, a.pos)
			a.leave(t, vcpu.ExitLink, c.exit)
			if f, ok := t.known(e.target, e.ver); ok {
				t.hot.patch(c.site, int(t.frags.at(f).body))
				e.to, e.next = f+1, t.frags.at(f).incoming
				t.frags.at(f).incoming = c.exit + 1
			}
		case coldCheck:
			t.hot.patch(c.site, a.pos)
			t.emitCheckStub(c)
		case coldDefine:
			t.emitDefineStub(c)
		case coldRedZone:
			t.emitRedZoneStub(c)
		case coldSlot:
			t.emitSlotStub(c)
		case coldEvent, coldElems, coldMiss, coldFetch:
			t.emitEventStub(c)
		}
	}
}

// emitStop emits an instruction that raises a signal, or leaves to Go for one that is emulated there.
func (t *Translator) emitStop(in *inst) {
	a := &t.hot
	switch {
	case in.Row == nil: // cannot be decoded: an undefined instruction is what the CPU makes of it
		a.b2(0x0f, 0x0b)
	case in.emulated():
		a.leave(t, vcpu.ExitEmulate, t.newExit(in.pc))
	default:
		a.raw(in.code)
	}
}

// emulated reports whether Go performs an instruction with flowStop.
func (in *inst) emulated() bool {
	switch in.Map {
	case 0:
		return in.Op == 0xc7 || in.Op == 0xcf || in.Op == 0xca || in.Op == 0xcb || in.Op == 0xff || in.Op == 0x8e ||
			in.Op == 0xcd && uint8(in.Imm) == 0x80
	case 1:
		return in.Op == 0xa1 || in.Op == 0xa9
	}
	return false
}

// emitBase emits rdfsbase, rdgsbase, wrfsbase and wrgsbase on the guest's bases, which live in the context.
func (t *Translator) emitBase(in *inst) {
	a := &t.hot
	r := in.ModRM&7 | in.Rex<<3&8
	w := in.W != 0
	off := vcpu.OffFSBase
	if in.ModRM>>3&1 != 0 {
		off = vcpu.OffGSBase
	}
	if in.ModRM>>3&7 < 2 {
		a.op(0, w, 0x8b, r, slot(off), 0, false)
		return
	}
	if !w { // the base is zero-extended
		a.storeImm32(slot(off+4), 0)
	}
	a.op(0, w, 0x89, r, slot(off), 0, false)
	if off == vcpu.OffFSBase && !t.cfg.Shadow {
		a.raw(in.code[:in.ModOff])
		a.b1(in.ModRM | 1<<3) // wrfsbase -> wrgsbase: GS is the guest's FS here
	}
}

// anns is what a tool asked for in the trace, by instruction.
func (t *Translator) instrument() {
	b := &t.block
	tr := &t.tr
	b.Start = guest.Addr(tr.start)
	b.Insts = b.Insts[:0]
	b.Anns = b.Anns[:0]
	for i := 0; i < tr.n; i++ {
		in := &tr.insts[i]
		if cap(b.Insts) > len(b.Insts) {
			b.Insts = b.Insts[:len(b.Insts)+1]
		} else {
			b.Insts = append(b.Insts, tool.Inst{})
		}
		x := &b.Insts[i]
		x.PC, x.Code, x.Inst = guest.Addr(in.pc), in.code, &in.Inst
		x.Mem, in.gprs = x.Mem[:0], 0
		if in.Row != nil {
			in.gprs = in.WrittenGPRs()
			if !t.trusted(in) {
				x.Mem = in.MemAccesses(x.Mem)
			}
		}
		x.Written = in.gprs
	}
	t.cfg.Tool.Instrument(b)
	t.annAt = 0
}

// before and after lower the annotations of instruction i that belong there. Annotations are in instruction order.
func (t *Translator) before(i int) {
	if t.clocked() {
		t.emitTick(i)
	}
	if t.cfg.Tool == nil {
		return
	}
	for t.annAt < len(t.block.Anns) && t.block.Anns[t.annAt].Inst == i {
		ann := &t.block.Anns[t.annAt]
		t.annAt++
		t.lower(i, ann)
	}
	t.rep = -1
	t.emitUnits(i)
	if len(t.events) > 0 {
		t.flushEvents(i)
	}
}

// traceLines hands the finished fragment to Config.Trace.
func (t *Translator) traceLines() {
	tr := &t.tr
	lines := make([]Line, tr.n)
	for i := range lines {
		end := t.hot.pos
		if i+1 < tr.n {
			end = tr.nLines[i+1]
		}
		lines[i] = Line{guest.Addr(tr.insts[i].pc), tr.insts[i].code, t.hot.buf[tr.nLines[i]:end], t.base + uint64(tr.nLines[i])}
	}
	t.cfg.Trace(guest.Addr(tr.start), lines)
}
