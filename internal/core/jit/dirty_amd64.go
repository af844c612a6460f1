package jit

import (
	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/isa"
)

// Calls, returns and indirect jumps of dirty code. The processor's calls and returns stay paired with those of fast code, since both
// use the return plane. What a landing finds is decided by Context.Dirty, which is 0 in fast code: a return of dirty code leaves the
// guest's return address in Context.RetTarget and clears the stack slot it was in, so that a landing in fast code does not recognise
// it and goes to missRet, which looks for the version wanted. A landing in dirty code compares the version first.
//
// Indirect targets are looked up in a third table, by address and version.
const (
	dirtyBits  = 16 // entries of 16 bytes
	dirtyVerAt = 48 // bit of a key that the version begins at; addresses are below
	maxVersion = 1 << (64 - dirtyVerAt)
)

// dirtyKey names code in the table of dirty code.
func dirtyKey(pc uint64, ver uint32) uint64 { return pc | uint64(ver)<<dirtyVerAt }

// dirtyHash is the index at which the search for a key begins. Generated code computes it, too.
func dirtyHash(key uint64) uint64 {
	return (key ^ key>>(dirtyVerAt-4) ^ uint64(uint32(key)>>dirtyBits)) & (1<<dirtyBits - 1)
}

// emitDirtyLookup emits the shared routine for indirect jumps of dirty code: rcx has the guest target; rcx and rdx are spilled.
func (t *Translator) emitDirtyLookup() {
	a := &t.hot
	restore := func() {
		a.load(rax, spill(slotF))
		a.flagsFromAX()
		a.load(rax, spill(slotA))
		a.load(rcx, spill(slotRCX))
		a.load(rdx, spill(slotRDX))
	}
	tab := int32(t.base) + dirtyOff
	a.pos = (a.pos + 15) &^ 15
	t.dirtyIB = a.pos
	a.store(slot(vcpu.OffIBTarget), rcx)
	a.store(spill(slotA), rax)
	a.flagsToAX()
	a.store(spill(slotF), rax)
	a.load(rax, slot(vcpu.OffDirty))
	a.bytes(0x48, 0xc1, 0xe0, dirtyVerAt) // shl $dirtyVerAt, %rax
	a.bytes(0x48, 0x09, 0xc8)             // or %rcx, %rax: the key
	a.movReg(rdx, rax)
	a.bytes(0x48, 0xc1, 0xea, dirtyVerAt-4) // shr $dirtyVerAt-4, %rdx
	a.bytes(0x31, 0xc2)                     // xor %eax, %edx
	a.bytes(0x89, 0xc1)                     // mov %eax, %ecx
	a.bytes(0xc1, 0xe9, dirtyBits)          // shr $dirtyBits, %ecx
	a.bytes(0x31, 0xca)                     // xor %ecx, %edx
	probe := a.pos
	a.bytes(0x0f, 0xb7, 0xca)                        // movzwl %dx, %ecx: dirtyBits of it
	a.bytes(0xc1, 0xe1, 0x04)                        // shl $4, %ecx
	a.op(0, true, 0x39, rax, at(rcx, tab), 0, false) // cmp %rax, tab(%rcx)
	found := a.jcc(ccE, 0)                           //
	a.op(0, true, 0x83, 7, at(rcx, tab), 1, false)   // cmpq $0, tab(%rcx)
	a.b1(0)
	missing := a.jcc(ccE, 0)
	a.bytes(0xff, 0xc2) // inc %edx
	a.jmp(probe)
	a.patch(found, a.pos)
	a.load(rcx, at(rcx, tab+8))
	a.store(spill(slotT), rcx)
	restore()
	a.op(0, false, 0xff, 4, spill(slotT), 0, false) // jmp *slotT
	a.patch(missing, a.pos)
	restore()
	t.dirtyMiss = a.pos
	a.leave(t, vcpu.ExitIndirect, 0)
}

// emitMissReturn emits missRet, where a return goes that its landing did not expect.
func (t *Translator) emitMissReturn() {
	a := &t.hot
	a.pos = (a.pos + 15) &^ 15
	t.missRet = a.pos
	a.store(spill(slotRCX), rcx)
	a.store(spill(slotRDX), rdx)
	a.load(rcx, slot(vcpu.OffDirty))
	a.b2(0xe3, 9+5) // jrcxz over the load and the jump
	a.load(rcx, slot(vcpu.OffRetTarget))
	a.jmp(t.dirtyIB)
	a.load(rcx, at(rsp, -8)) // it is still below the stack pointer
	t.hash()
	a.jmpL1()
}

// emitDirtyLanding emits what a call of dirty code returns to. Flags are left alone if live has any.
func (t *Translator) emitDirtyLanding(next uint64, live uint32) {
	a := &t.hot
	if live != 0 {
		a.store(spill(slotRCX), rcx)
		a.load(rcx, slot(vcpu.OffDirty))
		a.lea(rcx, mem{base: rcx, index: noReg, disp: -int32(t.now)})
		a.b2(0xe3, 9+5) // jrcxz over the reload and the jump
		a.load(rcx, spill(slotRCX))
		a.jmp(t.missRet)
		t.compareLanding(slot(vcpu.OffRetTarget), next)
		return
	}
	a.op(0, false, 0x81, 7, slot(vcpu.OffDirty), 4, false) // cmpl
	a.u32(t.now)
	a.jcc(ccNE, t.missRet)
	target := slot(vcpu.OffRetTarget)
	if next < 1<<31 {
		a.alignField(9)
		a.op(0, true, 0x81, 7, target, 4, false)
		t.landings.add(landing{uint32(a.pos), 0xffffffff})
		a.u32(uint32(next))
		a.jcc(ccNE, t.missRet)
		return
	}
	a.alignField(8)
	a.op(0, false, 0x81, 7, target, 4, false)
	t.landings.add(landing{uint32(a.pos), ^uint32(next)})
	a.u32(uint32(next))
	a.jcc(ccNE, t.missRet)
	target.disp += 4
	a.op(0, false, 0x81, 7, target, 4, false)
	a.u32(uint32(next >> 32))
	a.jcc(ccNE, t.missRet)
}

// emitDirtyReturn emits a return of dirty code.
func (t *Translator) emitDirtyReturn(in *inst) {
	a := &t.hot
	a.store(spill(slotRCX), rcx)
	a.load(rcx, at(rsp, 0))
	t.point(in.pc, false, [3]uint8{rcx + 1})
	if !in.returns() {
		a.store(spill(slotRDX), rdx)
		a.lea(rsp, at(rsp, in.popped()))
		a.jmp(t.dirtyIB)
		return
	}
	a.store(slot(vcpu.OffRetTarget), rcx)
	a.load(rcx, spill(slotRCX))
	t.point(in.pc, false, [3]uint8{})
	t.release(0, in.popped()) // behind the load: guest.ReturnPlane
	a.storeImm(at(rsp, 0), 0)
	a.op(0, false, 0xff, 6, mem{seg: segFS, base: rsp, index: noReg, disp: guest.ReturnPlane}, 0, false) // pushq
	a.bytes(0xc2, 8, 0)
}

// quickInDirty reports whether hook n may be tried without Go where registers t.now are undefined: its arguments must not be.
func (t *Translator) quickInDirty(n int) bool {
	return t.hookStub != t.exitStub && t.plain(n) && t.sets[t.now].Regs&quickArgs == 0
}

// quickArgs are the registers of the arguments of functions that vcpu.Quick stands in for.
const quickArgs isa.RegSet = 1<<guest.RDI | 1<<guest.RSI

// behindHook is the version in which a function with an integer result returns, where its hook is entered in version t.now.
func (t *Translator) behindHook() uint32 {
	d := t.sets[t.now]
	d.Regs &^= 1 << guest.RAX
	return t.dirtyVersion(d)
}

// isDirty reports whether dirty code is being made.
func (t *Translator) isDirty() bool { return t.ver >= firstSet }
