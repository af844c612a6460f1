package jit

import (
	"golang.org/x/sys/cpu"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/tool"
)

// Where the processor has AVX-512, a set of up to wideWays lines is compared with a line at once, and what moves in it moves at once: no
// branch depends on where in its set a line was, which nobody can predict. The registers used have no part in the penalties for mixing SSE
// and AVX code (Intel SDM vol. 1, 15.5: none for zmm16 and above).

// wideWays is how many lines two registers have room for.
const wideWays = 16

// Vector registers of the search. k1 is used beside them.
const (
	zmmTag  = 16 // the line, everywhere
	zmmLow  = 17 // the first half of the set
	zmmHigh = 18
)

// hasWide says that the processor has what useLineWide and its surroundings take.
var hasWide = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasBMI1

// wide reports whether the sets of c are handled by useLineWide.
func (t *Translator) wide(c *tool.Cache) bool {
	return hasWide && !t.cfg.Scalar && c.Ways > 4 && c.Ways <= wideWays
}

// EVEX fields (Intel SDM vol. 2, 2.7): mandatory prefix and opcode map.
const (
	evex66 = 1
	evexF3 = 2
	evex0F = 1
	evex38 = 2
	evex3A = 3
)

// evex writes a 512-bit instruction with 64-bit elements, without its ModRM byte: reg and v are register operands below 32, rm is the
// third one if that is a register. The result is merged under mask k if k is not 0.
func (a *asm) evex(mm, pp, op, reg, v, rm, k uint8) {
	p0 := mm | ^reg>>3&1<<7 | ^rm>>4&1<<6 | ^rm>>3&1<<5 | ^reg>>4&1<<4
	a.bytes(0x62, p0, 1<<7|^v&15<<3|1<<2|pp, 2<<5|^v>>4&1<<3|k, op)
}

// vectorRR writes such an instruction with registers only.
func (a *asm) vectorRR(mm, pp, op, reg, v, rm, k uint8) {
	a.evex(mm, pp, op, reg, v, rm, k)
	a.b1(0xc0 | reg&7<<3 | rm&7)
}

// vectorMove loads, or stores, vector register reg at disp from rdx.
func (a *asm) vectorMove(store bool, reg uint8, disp int32) {
	op := byte(0x6f)
	if store {
		op = 0x7f
	}
	a.evex(evex0F, evexF3, op, reg, 0, 0, 0)
	a.b1(0x80 | reg&7<<3 | rdx)
	a.u32(uint32(disp))
}

// keepVectors stores the registers that useLineWide takes in the context, or loads them.
func (a *asm) keepVectors(store bool) {
	moves, moveK := byte(0x6f), byte(0x90)
	if store {
		moves, moveK = 0x7f, 0x91
	}
	for i := range uint8(3) {
		a.b1(segFS)
		a.evex(evex0F, evexF3, moves, zmmTag+i, 0, 0, 0)
		a.b2((zmmTag+i)&7<<3|4, 0x25)
		a.u32(uint32(vcpu.OffSearch + 64*int32(i)))
	}
	a.b1(segFS)
	a.bytes(0xc4, 0xe1, 0xf8, moveK, 1<<3|4, 0x25) // kmovq
	a.u32(uint32(vcpu.OffSearch + 64*3))
}

// useLineWide is useLine with vectors, for up to wideWays lines. rdx stays.
func (a *asm) useLineWide(c *tool.Cache) {
	start := int32(0)
	if c.Start <= 0x7fffffff {
		start = int32(c.Start)
	}
	const half, halfBytes = 8, 64 // lines of a register, and the bytes of their tags
	two := c.Ways > half
	matches := func(reg, in uint8) { // reg has a bit for each line
		a.vectorRR(evex38, evex66, 0x29, 1, in, zmmTag, 0) // vpcmpeqq
		a.bytes(0xc5, 0xf8, 0x93, 0xc1|reg<<3)             // kmovw %k1, reg
	}
	// move moves the lines of to that mask has by one; the first one comes from the end of before.
	move := func(mask, to, before uint8) {
		a.bytes(0xc5, 0xf8, 0x92, 0xc8|mask) // kmovw mask, %k1
		a.vectorRR(evex3A, evex66, 0x03, to, to, before, 1)
		a.b1(half - 1) // valignq
	}
	a.vectorRR(evex38, evex66, 0x7c, zmmTag, 0, rcx, 0) // vpbroadcastq
	a.vectorMove(false, zmmLow, start)
	matches(rax, zmmLow)
	if two {
		a.vectorMove(false, zmmHigh, start+halfBytes)
		matches(rcx, zmmHigh)
		a.bytes(0xc1, 0xe1, half) // shl $8, %ecx
		a.bytes(0x09, 0xc8)       // or %ecx, %eax
	}
	a.bytes(0x85, 0xc0) // test %eax, %eax
	there := a.jcc(ccNE, 0)
	a.storeImm32(spill(slotMissing), 1)
	a.patch(there, a.pos)
	a.bytes(0xc4, 0xe2, 0x70, 0xf3, 0xd0) // blsmsk %eax, %ecx: all lines up to that one, or all
	if c.Ways != half && c.Ways != wideWays {
		a.bytes(0x81, 0xe1) // and $lines, %ecx: what is behind them stays 0
		a.u32(1<<c.Ways - 1)
	}
	if two {
		a.bytes(0x89, 0xc8)       // mov %ecx, %eax
		a.bytes(0xc1, 0xe8, half) // shr $8, %eax
		move(rax, zmmHigh, zmmLow)
		a.vectorMove(true, zmmHigh, start+halfBytes)
	}
	move(rcx, zmmLow, zmmTag)
	a.vectorMove(true, zmmLow, start)
}
