package jit

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/cpu"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

var (
	errSegString = errors.New("fs or gs prefix on an implicit operand")
	errVSIB32    = errors.New("segment base with 32-bit vector addressing")
)

// hasBMI2: rorx computes the table index of an indirect branch without touching flags; without it the low bits serve.
var hasBMI2 = cpu.X86.HasBMI2

// l1Shift drops the address bits that function entries have in common.
var l1Shift = func() uint64 {
	if hasBMI2 {
		return 4
	}
	return 0
}()

func putLE32(b []byte, x uint32) { binary.LittleEndian.PutUint32(b, x) }

// redZone is the memory below the stack pointer that belongs to the function (System V ABI for AMD64, 3.2.2).
const redZone = 128

// noAccess is four shadow bytes of memory that may not be touched (package shadow).
const noAccess = 0x80808080

// stackInline is the largest change of the stack pointer, in bytes, that is marked by inline stores.
const stackInline = 128

// stackSwitch is the smallest change of the stack pointer that is taken for a change of stacks: nothing is marked then.
const stackSwitch = 2 << 20 // --max-stackframe's default, 2,000,000, in whole pages

// What to do behind an instruction that changes the stack pointer.
type afterOp struct {
	kind  uint8
	delta int32
}

const (
	afterNone uint8 = iota
	afterDelta
	afterUnknown
)

// lower emits one annotation in front of instruction i, or notes what belongs behind it.
func (t *Translator) lower(i int, ann *tool.Ann) {
	if ann.Behind {
		t.later = append(t.later, *ann)
		return
	}
	if t.once && ann.Op >= tool.OpCount {
		t.lowerAgain(ann)
		return
	}
	switch ann.Op {
	case tool.OpCheck:
		t.lowerCheck(i, ann.Mem)
	case tool.OpStack:
		t.lowerStack(&t.tr.insts[i])
	case tool.OpCount:
		t.lowerCount(t.tr.insts[i].live, ann)
	case tool.OpEvent, tool.OpEventAddr, tool.OpEventRounds:
		t.events = append(t.events, *ann)
	}
}

// lowerCheck compares the shadow of an access with 0 and leaves to Go when it is something else. Accesses relative to the
// guest's FS are thread-local storage, pushes and pops are covered by the stack marks: no check.
func (t *Translator) lowerCheck(i, k int) {
	in := &t.tr.insts[i]
	acc := &t.block.Insts[i].Mem[k]
	if acc.Outside {
		return
	}
	var m mem
	reg := -1
	switch acc.Addr {
	case amd64.AddrModRM:
		if in.Seg >= amd64.SegFS || acc.Size == 0 {
			return
		}
		m, reg = t.operand(in, 0)
	case amd64.AddrRSI:
		if in.Seg >= amd64.SegFS {
			return
		}
		m = at(rsi, 0)
	case amd64.AddrRDI:
		m = at(rdi, 0)
	case amd64.AddrRBP:
		m = at(rbp, 0)
	default:
		return
	}
	a := &t.hot
	first := len(t.tr.colds)
	if acc.Cond && in.Pfx&(amd64.PfxF2|amd64.PfxF3) != 0 && acc.Addr != amd64.AddrModRM {
		// rep: Go checks the whole range.
		site := a.jmp(0)
		t.tr.colds = append(t.tr.colds, coldStub{kind: coldCheck, site: site, inst: i, access: k, recover: -1})
	} else {
		t.checkZero(i, k, m, int(acc.Size), in.live != 0)
	}
	for j := first; j < len(t.tr.colds); j++ {
		t.tr.colds[j].resume = a.pos
	}
	if reg >= 0 {
		a.load(uint8(reg), spill(0))
		t.point(in.pc, false, [3]uint8{})
	}
}

// recoverable notes that the host instruction emitted next is an annotation's access that may fault.
func (t *Translator) recoverable() { t.recover = append(t.recover, recovery{at: uint32(t.hot.pos)}) }

// mark emits a store of x to 4 shadow bytes (wide: 8) of the stack at off from the stack pointer, without the red zone.
func (t *Translator) mark(off int32, x uint32, wide bool) {
	a := &t.hot
	m := mem{seg: segGS, base: rsp, index: noReg, disp: off - redZone}
	t.recoverable()
	if wide {
		a.storeImm(m, int32(x))
	} else {
		a.storeImm32(m, x)
	}
	t.recover[len(t.recover)-1].to = uint32(a.pos)
}

// checkZero emits comparisons of the size shadow bytes at m with 0, in the widest pieces, and jumps to cold stubs.
func (t *Translator) checkZero(i, k int, m mem, size int, flagsLive bool) {
	a := &t.hot
	m.seg = segGS
	for off := 0; off < size; {
		n := 8
		for n > size-off {
			n >>= 1
		}
		p := m
		p.disp += int32(off)
		p.target += uint64(off)
		if flagsLive {
			a.store(spill(slotFlags), rcx)
			t.recoverable()
			switch n {
			case 8:
				a.load(rcx, p)
			case 4:
				a.op(0, false, 0x8b, rcx, p, 0, false)
			case 2:
				a.op(0, false, map0F|0xb7, rcx, p, 0, false)
			case 1:
				a.op(0, false, map0F|0xb6, rcx, p, 0, false)
			}
			a.b2(0xe3, 5) // jrcxz over the jump
			site := a.jmp(0)
			a.load(rcx, spill(slotFlags))
			t.tr.colds = append(t.tr.colds, coldStub{kind: coldCheck, site: site, inst: i, access: k, spilled: true, recover: len(t.recover) - 1})
		} else {
			t.recoverable()
			switch n {
			case 8:
				a.op(0, true, 0x83, 7, p, 1, false)
			case 4:
				a.op(0, false, 0x83, 7, p, 1, false)
			case 2:
				a.op(0x66, false, 0x83, 7, p, 1, false)
			case 1:
				a.op(0, false, 0x80, 7, p, 1, false)
			}
			a.b1(0)
			site := a.jcc(ccNE, 0)
			t.tr.colds = append(t.tr.colds, coldStub{kind: coldCheck, site: site, inst: i, access: k, recover: len(t.recover) - 1})
		}
		off += n
	}
}

// lowerStack marks what an instruction that writes the stack pointer allocates (0) or releases (no access). The red zone moves
// along with the stack pointer, so all marks lie 128 bytes lower than the change.
func (t *Translator) lowerStack(in *inst) {
	a := &t.hot
	delta, known := stackDelta(in)
	switch {
	case in.flow == flowRet:
		n := int32(8)
		if in.Op == 0xc2 {
			n += int32(uint16(in.Imm))
		}
		if n <= stackInline && n&3 == 0 {
			for o := int32(0); o < n; o += 4 {
				t.mark(o, noAccess, false)
			}
		}
	case in.flow == flowCall || in.flow == flowCallInd:
		t.mark(-8, 0, true)
	case known && delta == 0:
	case known && delta < 0 && delta >= -stackInline && delta&7 == 0:
		// Before the instruction, as a push may fault and be looked at by a handler.
		for o := delta; o < 0; o += 8 {
			t.mark(o, 0, true)
		}
	case known && delta > 0 && delta <= stackInline && delta&3 == 0:
		t.behind = afterOp{afterDelta, delta}
	default:
		a.store(spill(slotSP), rsp)
		t.behind = afterOp{kind: afterUnknown}
	}
}

// stackDelta is the constant that an instruction adds to the stack pointer.
func stackDelta(in *inst) (int32, bool) {
	if in.Space != amd64.SpLegacy || in.Pfx&amd64.Pfx66 != 0 {
		return 0, false
	}
	isRSP := in.ModRM >= 0xc0 && in.ModRM&7 == rsp && in.Rex&1 == 0 && in.W == 1
	switch {
	case in.Map == 0 && in.Op >= 0x50 && in.Op <= 0x57, in.Map == 0 && (in.Op == 0x68 || in.Op == 0x6a || in.Op == 0x9c),
		in.Map == 0 && in.Op == 0xff && in.ModRM>>3&7 == 6:
		return -8, true
	case in.Map == 0 && in.Op >= 0x58 && in.Op <= 0x5f:
		return 8, in.Op&7 != rsp || in.Rex&1 != 0
	case in.Map == 0 && (in.Op == 0x8f && in.HasMem || in.Op == 0x9d):
		return 8, true
	case in.Map == 0 && (in.Op == 0x81 || in.Op == 0x83) && isRSP:
		switch in.ModRM >> 3 & 7 {
		case 0:
			return int32(in.Imm), true
		case 5:
			return -int32(in.Imm), in.Imm != -1<<31
		}
	case in.Map == 0 && in.Op == 0x8d && in.W == 1 && in.ModRM>>3&7 == rsp && in.Rex&4 == 0 && in.Base == rsp && in.Index == noReg:
		return int32(in.Disp), true
	}
	return 0, false
}

// emitBehind emits what lowerStack asked for behind the instruction.
func (t *Translator) emitBehind() {
	a := &t.hot
	op := t.behind
	t.behind = afterOp{}
	switch op.kind {
	case afterDelta:
		for o := -op.delta; o < 0; o += 4 {
			t.mark(o, noAccess, false)
		}
	case afterUnknown:
		back := a.pos + 13 + 5 // behind the store and the jump
		a.storeImm(spill(slotT), int32(t.base)+int32(back))
		a.jmp(t.moveStack)
		if a.pos != back {
			panic("jit: length of a helper call")
		}
	}
}

// emitMoveStack emits the shared routine for changes of the stack pointer that are not constants: slotSP holds the old value,
// slotT where to go on. Registers and flags are preserved.
func (t *Translator) emitMoveStack() {
	a := &t.hot
	cond := func(cc byte) int { a.b2(0x70|cc, 0); return a.pos - 1 }
	fix := func(at int) { a.buf[at] = byte(a.pos - at - 1) }
	const ccB, ccA = 2, 7
	a.pos = (a.pos + 15) &^ 15
	t.moveStack = a.pos
	a.store(spill(slotA), rax)
	a.b1(0x9f)
	a.bytes(0x0f, 0x90, 0xc0)
	a.store(spill(slotF), rax)
	a.store(spill(slotRCX), rcx)
	a.store(spill(slotRDX), rdx)
	a.load(rcx, spill(slotSP)) // old
	a.movReg(rdx, rsp)         // new
	a.bytes(0x31, 0xc0)        // xor %eax, %eax: shadow of stack in use
	a.bytes(0x48, 0x39, 0xca)  // cmp %rcx, %rdx
	grown := cond(ccB)
	a.bytes(0x48, 0x87, 0xca) // xchg %rcx, %rdx: rdx = old is the lower end now
	a.movImm(rax, 0x8080808080808080)
	fix(grown)
	// [rdx, rcx) in steps of 8, unless it is too big to be one frame or not aligned.
	a.bytes(0x48, 0x29, 0xd1) // sub %rdx, %rcx
	a.bytes(0x48, 0x81, 0xf9) // cmp $stackSwitch, %rcx
	a.u32(stackSwitch)
	big := cond(ccA)
	a.bytes(0x48, 0xc1, 0xe9, 3) // shr $3, %rcx
	loop := a.pos
	done := a.pos + 1
	a.b2(0xe3, 0) // jrcxz
	t.moveStore = a.pos
	a.op(0, true, 0x89, rax, mem{seg: segGS, base: rdx, index: noReg, disp: -redZone}, 0, false)
	a.bytes(0x48, 0x83, 0xc2, 8) // add $8, %rdx
	a.bytes(0x48, 0xff, 0xc9)    // dec %rcx
	a.b2(0xeb, byte(loop-(a.pos+2)))
	a.buf[done] = byte(a.pos - done - 1)
	fix(big)
	t.moveEnd = a.pos
	a.load(rdx, spill(slotRDX))
	a.load(rcx, spill(slotRCX))
	a.load(rax, spill(slotF))
	a.b2(0x04, 0x7f)
	a.b1(0x9e)
	a.load(rax, spill(slotA))
	a.op(0, false, 0xff, 4, spill(slotT), 0, false)
	t.moveLeave = a.pos
	a.leave(t, vcpu.ExitInterrupt, 0)
}

// MovingStack reports whether host address h is in the shared routine that marks a piece of stack, which may take a million
// instructions. The routine then comes back with ExitInterrupt as soon as it is through, and after is where it was to go on.
func (t *Translator) MovingStack(h uintptr, c *vcpu.Context) (after uintptr, ok bool) {
	off := int64(h) - int64(t.base)
	if off < int64(t.moveStack) || off >= int64(t.moveLeave) {
		return 0, false
	}
	after = uintptr(c.Spill[slotT])
	c.Spill[slotT] = t.base + uint64(t.moveLeave)
	return after, true
}

// lowerCount adds a constant to a counter below 2 GB, without flags when they are live.
func (t *Translator) lowerCount(live uint32, ann *tool.Ann) {
	a := &t.hot
	m := mem{base: noReg, index: noReg, disp: int32(ann.Ptr)}
	if uint64(ann.Ptr) > 0x7fffffff {
		panic("jit: counter out of reach")
	}
	t.counts = true
	if t.shared {
		t.lowerSharedCount(live, m, int32(ann.Arg))
		return
	}
	if live == 0 {
		a.op(0, true, 0x81, 0, m, 4, false)
		a.u32(uint32(int32(ann.Arg)))
		return
	}
	a.store(spill(slotFlags), rcx)
	a.load(rcx, m)
	a.lea(rcx, at(rcx, int32(ann.Arg)))
	a.store(m, rcx)
	a.load(rcx, spill(slotFlags))
}
