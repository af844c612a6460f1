package jit

import (
	"math/bits"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// Tags of undefined bytes (guest.TagDistance) go with them: a register has one, a word of memory another. Code that moves bytes makes
// those that it stores Tagged. Bytes that have never been moved have no tag; a load of them leaves for a step, which gives them one,
// unless they are of the function's own stack frame: then it is known when the code is made.

// tagSlot is the tag of a register, one of set r.
func tagSlot(r isa.RegSet) mem {
	n := r.First()
	if r&amd64.SetVec != 0 {
		n = 16 + n - amd64.Vec(0).First()
	}
	return slot(vcpu.OffV + 16*8 + 32*64 + int32(n)*guest.TagSize)
}

// checkTagged emits the comparison of the shadow of a piece of memory, in s.p: what is loaded is Tagged or defined, byte by byte, or, if
// it is known what tag such bytes have, undefined without one; what is stored to may be accessed.
func (t *Translator) checkTagged(mv *move, s moveScratch, cold int) {
	a := &t.hot
	if mv.kind == moveStore {
		a.testNoAccess(s.p, s.q)
		t.fail(ccNE, cold)
		return
	}
	a.lowBits(s.q, s.p, guest.Tagged)
	a.alu(0x39, s.q, s.p) // cmp
	if t.placeTag == 0 {
		t.fail(ccNE, cold)
		return
	}
	tagged := a.jcc(ccE, 0)
	a.lea(s.q, mem{base: s.q, index: s.q, scale: 2})
	a.alu(0x39, s.q, s.p)
	t.fail(ccNE, cold)
	a.patch(tagged, a.pos)
}

// moveTagged emits what a move does to V bits and tags, behind the checks.
func (t *Translator) moveTagged(mv *move, m mem, s moveScratch, cold int) {
	a := &t.hot
	n := piece(int(mv.size))
	switch mv.kind {
	case moveRegs:
		for off := 0; off < int(mv.size); off += n {
			a.loadV(s.p, slot(mv.from+int32(off)), n, mv.signed)
			a.store(slot(mv.to+int32(off)), s.p)
		}
		a.op(0, false, 0x8b, s.p, tagSlot(mv.src), 0, false)
		t.setTag(mv, s)
		t.zeroRest(mv)
	case moveLoad:
		for off := int(mv.size) - n; off >= 0; off -= n { // the first undefined byte's tag is the register's
			t.loadTagged(mv, m, off, n, s)
		}
		t.zeroRest(mv)
	case moveStore:
		for off := 0; off < int(mv.size); off += n {
			t.storeTags(mv, m, off, n, s, cold)
		}
		for off := 0; off < int(mv.size); off += n {
			a.loadPiece(s.p, slot(mv.from+int32(off)), n)
			a.movImm(s.q, uint64(guest.Tagged)*lowBits)
			a.alu(0x21, s.p, s.q) // and
			a.storePiece(shadowAt(m, off), s.p, n)
		}
	}
}

// loadTagged emits the load of a piece of n bytes, off bytes on.
func (t *Translator) loadTagged(mv *move, m mem, off, n int, s moveScratch) {
	a := &t.hot
	to := slot(mv.to + int32(off))
	a.loadPiece(s.p, shadowAt(m, off), n)
	a.lowBits(s.q, s.p, 0xff)
	if mv.signed {
		a.extend(s.p, s.q, n)
		a.store(to, s.p)
		a.loadPiece(s.p, shadowAt(m, off), n)
	} else {
		a.store(to, s.q)
	}
	a.alu(0x85, s.q, s.q) // test
	defined := a.jcc(ccE, 0)
	known := 0
	if t.placeTag != 0 {
		a.alu(0x39, s.q, s.p) // cmp
		tagged := a.jcc(ccNE, 0)
		a.movImm(s.p, uint64(t.placeTag))
		known = a.jmp(0)
		a.patch(tagged, a.pos)
	}
	a.tagPlace(s, m, off, bsf)
	a.op(0, false, 0x8b, s.p, tagAt(s.q), 0, false)
	if known != 0 {
		a.patch(known, a.pos)
	}
	t.setTag(mv, s)
	a.patch(defined, a.pos)
}

// setTag makes s.p the tag of the move's destination. Of two, for what is kept and for what is new, the larger one stays.
func (t *Translator) setTag(mv *move, s moveScratch) {
	a := &t.hot
	if !mv.merge || mv.fresh {
		a.op(0, false, 0x89, s.p, tagSlot(mv.dst), 0, false)
		return
	}
	a.op(0, false, 0x3b, s.p, tagSlot(mv.dst), 0, false) // cmp
	older := a.jcc(ccB, 0)
	a.op(0, false, 0x89, s.p, tagSlot(mv.dst), 0, false)
	a.patch(older, a.pos)
}

// storeTags emits the stores of the tag for a piece of n bytes, off bytes on: to the word of its first undefined byte, and to that of its
// last one, which may be another. A register without a tag is left to a step, as is memory whose tags have no pages yet.
func (t *Translator) storeTags(mv *move, m mem, off, n int, s moveScratch, cold int) {
	a := &t.hot
	a.loadPiece(s.q, slot(mv.from+int32(off)), n)
	a.alu(0x85, s.q, s.q) // test
	defined := a.jcc(ccE, 0)
	a.tagPlace(s, m, off, bsf)
	store := func() {
		a.op(0, false, 0x8b, s.p, tagSlot(mv.src), 0, false)
		a.b1(0x40 | s.p>>3<<2 | s.p>>3)
		a.b2(0x85, 0xc0|s.p&7<<3|s.p&7) // test, 32 bits
		t.fail(ccE, cold)
		t.tr.fails = append(t.tr.fails, moveFail{-1, t.recover.n, cold})
		t.recoverable()
		a.op(0, false, 0x89, s.p, tagAt(s.q), 0, false)
	}
	store()
	if n > 1 {
		a.loadPiece(s.q, slot(mv.from+int32(off)), n)
		a.tagPlace(s, m, off, bsr)
		store()
	}
	a.patch(defined, a.pos)
}

// lowBits is the lowest bit of each byte of a word.
const lowBits = 0x0101010101010101

// lowBits: q = b where the lowest bit of a byte of p is set, else 0.
func (a *asm) lowBits(q, p, b uint8) {
	a.movImm(q, lowBits)
	a.alu(0x21, q, p) // and
	a.b1(0x48 | q>>3<<2 | q>>3)
	a.b2(0x69, 0xc0|q&7<<3|q&7) // imul
	a.u32(uint32(b))
}

// Second bytes of bit scans.
const (
	bsf = 0xbc
	bsr = 0xbd
)

// tagBit is the bit of a word's number that its tag's distance from shadow memory is.
var tagBit = byte(bits.Len64(uint64(guest.TagDistance-guest.ShadowDistance)/guest.TagSize) - 1)

// tagPlace: s.q = index for tagAt of the word that a byte is in, of those undefined in s.q, off bytes from m on: the first or last by scan.
// s.p is overwritten.
func (a *asm) tagPlace(s moveScratch, m mem, off int, scan byte) {
	m = shadowAt(m, off)
	m.seg = segNone
	q := s.q
	a.bytes(0x48|q>>3<<2|q>>3, 0x0f, scan, 0xc0|q&7<<3|q&7)
	a.bytes(0x48|q>>3, 0xc1, 0xe8|q&7, 3) // shr: bytes
	a.lea(s.p, m)
	a.alu(0x01, q, s.p)                              // add
	a.bytes(0x48|q>>3, 0xc1, 0xe8|q&7, 3)            // shr: words
	a.bytes(0x48|q>>3, 0x0f, 0xba, 0xe8|q&7, tagBit) // bts
}

// tagAt is the tag of the word that index stands for.
func tagAt(index uint8) mem { return mem{seg: segGS, base: noReg, index: index, scale: guest.TagSize} }

// extend: p = the n low bytes of q, with their sign.
func (a *asm) extend(p, q uint8, n int) {
	a.b1(0x48 | p>>3<<2 | q>>3)
	switch n {
	case 4:
		a.b1(0x63)
	case 2:
		a.b2(0x0f, 0xbf)
	default:
		a.b2(0x0f, 0xbe)
	}
	a.b1(0xc0 | p&7<<3 | q&7)
}
