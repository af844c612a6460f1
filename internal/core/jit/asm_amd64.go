package jit

import "encoding/binary"

// asm writes host code into a part of the code cache. pos is the offset of the next byte from the cache's base; the address
// of offset p is base+p. All addresses that generated code names absolutely are below 2 GB (guest.CodeCacheEnd).
type asm struct {
	buf  []byte // the whole cache
	base uint64
	pos  int
}

// Registers by their hardware numbers.
const (
	rax = iota
	rcx
	rdx
	rbx
	rsp
	rbp
	rsi
	rdi
)

// Values of mem.base and mem.index beside register numbers.
const (
	noReg = 0xff
	atRIP = 16
)

// Segment override prefixes.
const (
	segNone = 0
	segFS   = 0x64
	segGS   = 0x65
)

// mem is a memory operand. With base == atRIP the operand is at the absolute address target, reached by a displacement
// from rip. a32 is the 67 prefix: the sum is cut to 32 bits.
type mem struct {
	seg         byte
	base, index uint8
	scale       uint8
	disp        int32
	target      uint64
	a32         bool
}

func slot(off int32) mem { return mem{seg: segFS, base: noReg, index: noReg, disp: off} }

func at(base uint8, disp int32) mem { return mem{base: base, index: noReg, disp: disp} }

func (a *asm) addr() uint64 { return a.base + uint64(a.pos) }

func (a *asm) b1(x byte) { a.buf[a.pos] = x; a.pos++ }

func (a *asm) b2(x, y byte) { a.buf[a.pos] = x; a.buf[a.pos+1] = y; a.pos += 2 }

func (a *asm) bytes(x ...byte) { a.pos += copy(a.buf[a.pos:], x) }

func (a *asm) raw(x []byte) { a.pos += copy(a.buf[a.pos:], x) }

func (a *asm) u32(x uint32) { binary.LittleEndian.PutUint32(a.buf[a.pos:], x); a.pos += 4 }

func (a *asm) u64(x uint64) { binary.LittleEndian.PutUint64(a.buf[a.pos:], x); a.pos += 8 }

// rel32 writes the displacement from the end of the field to host offset to.
func (a *asm) rel32(to int) { a.u32(uint32(int32(to - (a.pos + 4)))) }

// patch makes the rel32 field at offset site reach host offset to. Not for code that runs: see Translator.link.
func (a *asm) patch(site, to int) {
	binary.LittleEndian.PutUint32(a.buf[site:], uint32(int32(to-(site+4))))
}

// Opcode maps for op: none, 0F, 0F38, 0F3A.
const (
	map0 = iota << 8
	map0F
	map38
	map3A
)

// op writes [seg] [67] [pfx] [REX] opcode ModRM for opc (map | opcode byte), register field reg and operand m.
// imm is the number of immediate bytes that follow, which a rip-relative displacement must count. byteReg says that reg is an
// 8-bit register, for which spl..dil need a REX prefix.
func (a *asm) op(pfx byte, w bool, opc int, reg uint8, m mem, imm int, byteReg bool) {
	if m.seg != 0 {
		a.b1(m.seg)
	}
	if m.a32 {
		a.b1(0x67)
	}
	if pfx != 0 {
		a.b1(pfx)
	}
	rex := byte(0)
	if w {
		rex |= 8
	}
	rex |= reg >> 3 & 1 << 2
	if m.index != noReg {
		rex |= m.index >> 3 & 1 << 1
	}
	if m.base < atRIP {
		rex |= m.base >> 3 & 1
	}
	if rex != 0 || byteReg && reg >= 4 {
		a.b1(0x40 | rex)
	}
	a.opcode(opc)
	r := reg & 7 << 3
	switch {
	case m.base == atRIP:
		a.b1(r | 5)
		a.u32(uint32(int64(m.target) - int64(a.addr()+4+uint64(imm))))
	case m.base == noReg && m.index == noReg:
		a.b2(r|4, 0x25)
		a.u32(uint32(m.disp))
	case m.base == noReg:
		a.b2(r|4, log2(m.scale)<<6|m.index&7<<3|5)
		a.u32(uint32(m.disp))
	default:
		mod := byte(0x80)
		if m.disp == 0 && m.base&7 != 5 {
			mod = 0
		} else if m.disp >= -128 && m.disp <= 127 {
			mod = 0x40
		}
		if m.index != noReg || m.base&7 == 4 {
			idx := byte(4)
			if m.index != noReg {
				idx = m.index & 7
			}
			a.b2(mod|r|4, log2(m.scale)<<6|idx<<3|m.base&7)
		} else {
			a.b1(mod | r | m.base&7)
		}
		switch mod {
		case 0x40:
			a.b1(byte(m.disp))
		case 0x80:
			a.u32(uint32(m.disp))
		}
	}
}

func (a *asm) opcode(opc int) {
	switch opc &^ 0xff {
	case map0F:
		a.b1(0x0f)
	case map38:
		a.b2(0x0f, 0x38)
	case map3A:
		a.b2(0x0f, 0x3a)
	}
	a.b1(byte(opc))
}

func log2(scale uint8) byte {
	switch scale {
	case 2:
		return 1
	case 4:
		return 2
	case 8:
		return 3
	}
	return 0
}

// load: mov m, r (64 bits).
func (a *asm) load(r uint8, m mem) { a.op(0, true, 0x8b, r, m, 0, false) }

// store: mov r, m (64 bits).
func (a *asm) store(m mem, r uint8) { a.op(0, true, 0x89, r, m, 0, false) }

// lea: r = address of m; m has no segment.
func (a *asm) lea(r uint8, m mem) { a.op(0, true, 0x8d, r, m, 0, false) }

// storeImm: movq $sign-extended imm, m.
func (a *asm) storeImm(m mem, imm int32) {
	a.op(0, true, 0xc7, 0, m, 4, false)
	a.u32(uint32(imm))
}

// storeImm32: movl $imm, m.
func (a *asm) storeImm32(m mem, imm uint32) {
	a.op(0, false, 0xc7, 0, m, 4, false)
	a.u32(imm)
}

// movImm: r = imm, in the shortest form that leaves the flags alone.
func (a *asm) movImm(r uint8, imm uint64) {
	switch {
	case imm <= 0xffffffff:
		if r >= 8 {
			a.b1(0x41)
		}
		a.b1(0xb8 | r&7)
		a.u32(uint32(imm))
	case int64(imm) == int64(int32(imm)):
		a.b1(0x48 | r>>3)
		a.b2(0xc7, 0xc0|r&7)
		a.u32(uint32(imm))
	default:
		a.b1(0x48 | r>>3)
		a.b1(0xb8 | r&7)
		a.u64(imm)
	}
}

// movReg: dst = src (64 bits).
func (a *asm) movReg(dst, src uint8) {
	a.b1(0x48 | src>>3<<2 | dst>>3)
	a.b2(0x89, 0xc0|src&7<<3|dst&7)
}

// jmp writes jmp rel32 to host offset to and returns the offset of the rel32 field.
func (a *asm) jmp(to int) int {
	a.b1(0xe9)
	a.rel32(to)
	return a.pos - 4
}

// jcc writes the conditional jump with condition cc (0-15).
func (a *asm) jcc(cc byte, to int) int {
	a.b2(0x0f, 0x80|cc)
	a.rel32(to)
	return a.pos - 4
}

// Condition codes used here.
const (
	ccB  = 2
	ccAE = 3
	ccE  = 4
	ccNE = 5
	ccA  = 7
)

// alignField puts no-ops before an instruction whose 4-byte field, skip bytes from here, will be patched while other threads
// may run it: the field must not straddle a cache line, as only then is its change seen at once (AMD64 APM vol. 2, 7.3.1).
func (a *asm) alignField(skip int) {
	const line = 64
	if o := (a.pos + skip) & (line - 1); o > line-4 {
		a.nop(line - o)
	}
}

// nop writes n bytes of no-ops, n at most 9 (the recommended sequences of the Intel SDM, table 4-12).
func (a *asm) nop(n int) { a.raw(nops[n][:n]) }

var nops = [10][9]byte{
	1: {0x90},
	2: {0x66, 0x90},
	3: {0x0f, 0x1f, 0x00},
	4: {0x0f, 0x1f, 0x40, 0x00},
	5: {0x0f, 0x1f, 0x44, 0x00, 0x00},
	6: {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
	7: {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
	8: {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
	9: {0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
}

// flagsToAX puts the arithmetic flags in ax (ah: SF ZF AF PF CF; al: OF), flagsFromAX puts them back.
func (a *asm) flagsToAX() {
	a.b1(0x9f)                // lahf
	a.bytes(0x0f, 0x90, 0xc0) // seto %al
}

func (a *asm) flagsFromAX() {
	a.b2(0x04, 0x7f) // add $0x7f, %al: OF
	a.b1(0x9e)       // sahf
}

// testNoAccess clears ZF if a byte of shadow x says no access: 10 in its upper two bits (package shadow). x and tmp are overwritten.
func (a *asm) testNoAccess(x, tmp uint8) {
	a.movReg(tmp, x)
	a.alu(0x01, tmp, tmp) // add
	a.b1(0x48 | tmp>>3)
	a.b2(0xf7, 0xd0|tmp&7) // not
	a.alu(0x21, tmp, x)    // and
	a.movImm(x, 0x8080808080808080)
	a.alu(0x85, tmp, x) // test
}

// compareWhole clears ZF unless each byte of x is 0 or 0xff. tmp is overwritten.
func (a *asm) compareWhole(x, tmp uint8) {
	a.movImm(tmp, 0x0101010101010101)
	a.alu(0x21, tmp, x) // and: the lowest bit of each byte
	a.b1(0x48 | tmp>>3<<2 | tmp>>3)
	a.b2(0x69, 0xc0|tmp&7<<3|tmp&7) // imul $0xff: in all of its bits
	a.u32(0xff)
	a.alu(0x39, tmp, x) // cmp
}
