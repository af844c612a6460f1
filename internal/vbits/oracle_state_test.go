package vbits

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
)

// Memory of native runs: instructions, one page of data between inaccessible ones, and a stack.
const (
	codeBase, codeSize   = 0x20000000, 0x10000
	dataBase, dataSize   = 0x30000000, 0x1000
	stackPage, stackBase = 0x38000000, 0x38000700 // the part of the page that counts
	stackSize            = 0x200

	gsBase = 0x10000000
)

// record is all state that has V bits, or the V bits of all that. Words:
const (
	recGPR   = 0
	recFlags = recGPR + 16
	recVec   = recFlags + 1
	recMask  = recVec + 32*8
	recST    = recMask + 8 // by physical number: significand; sign and exponent
	recFPSW  = recST + 16
	recMem   = recFPSW + 1
	recStack = recMem + dataSize/8
	recWords = recStack + stackSize/8
)

type record [recWords]uint64

// x87Conditions are the bits of the status word that have V bits: C0-C3.
const x87Conditions = 0x4700

// place says what word i of a record is, for messages.
func place(i int) string {
	switch {
	case i < recFlags:
		return fmt.Sprintf("r%d", i)
	case i < recVec:
		return "flags"
	case i < recMask:
		return fmt.Sprintf("zmm%d[%d]", (i-recVec)/8, (i-recVec)%8)
	case i < recST:
		return fmt.Sprintf("k%d", i-recMask)
	case i < recFPSW:
		return fmt.Sprintf("x87 register %d[%d]", (i-recST)/2, (i-recST)%2)
	case i < recMem:
		return "fpsw"
	case i < recStack:
		return fmt.Sprintf("memory %#x", dataBase+8*(i-recMem))
	}
	return fmt.Sprintf("memory %#x", stackBase+8*(i-recStack))
}

// word is the word of a record that holds address a.
func word(a guest.Addr) (i int, ok bool) {
	switch {
	case a >= dataBase && a < dataBase+dataSize:
		return recMem + int(a-dataBase)/8, true
	case a >= stackBase && a < stackBase+stackSize:
		return recStack + int(a-stackBase)/8, true
	}
	return 0, false
}

func (r *record) byte(a guest.Addr) byte {
	i, ok := word(a)
	if !ok {
		return 0
	}
	return byte(r[i] >> (8 * (a & 7)))
}

func (r *record) setByte(a guest.Addr, b byte) {
	if i, ok := word(a); ok {
		s := 8 * (a & 7)
		r[i] = r[i]&^(0xff<<s) | uint64(b)<<s
	}
}

func (r *record) put(a guest.Addr, v uint64, n int) {
	for i := range n {
		r.setByte(a+guest.Addr(i), byte(v>>(8*i)))
	}
}

// file and setFile convert between V bits of registers and a record of V bits.
func (r *record) file(f *File) {
	copy(f.GPR[:], r[recGPR:])
	f.Flags = r[recFlags]
	for i := range f.Vec {
		copy(f.Vec[i][:], r[recVec+8*i:])
	}
	copy(f.Mask[:], r[recMask:])
	for i := range f.ST {
		copy(f.ST[i][:], r[recST+2*i:])
	}
	f.FPSW = r[recFPSW]
}

func (r *record) setFile(f *File) {
	copy(r[recGPR:], f.GPR[:])
	r[recFlags] = f.Flags
	for i := range f.Vec {
		copy(r[recVec+8*i:], f.Vec[i][:])
	}
	copy(r[recMask:], f.Mask[:])
	for i := range f.ST {
		copy(r[recST+2*i:], f.ST[i][:])
	}
	r[recFPSW] = f.FPSW
}

// control is the part of a state that has no V bits.
type control struct {
	rip   uint64
	fcw   uint16
	ftw   byte // abridged
	mxcsr uint32
}

// Offsets in the XSAVE area (Intel SDM vol. 1, 13.4); for components 2 and up see vcpu.ComponentOffset.
const (
	xsFCW, xsFSW, xsFTW, xsMXCSR = 0, 2, 4, 24
	xsST, xsXMM                  = 32, 160
	xsHeader                     = 512
)

// loadX puts the vector and x87 state into an XSAVE area.
func (r *record) loadX(x []byte, ctl *control, mask uint64) {
	clear(x[xsHeader : xsHeader+64])
	binary.LittleEndian.PutUint64(x[xsHeader:], mask)
	binary.LittleEndian.PutUint16(x[xsFCW:], ctl.fcw)
	binary.LittleEndian.PutUint16(x[xsFSW:], uint16(r[recFPSW]))
	binary.LittleEndian.PutUint16(x[xsFTW:], uint16(ctl.ftw))
	clear(x[6:xsMXCSR])
	binary.LittleEndian.PutUint32(x[xsMXCSR:], ctl.mxcsr)
	top := int(r[recFPSW] >> 11 & 7)
	put := func(off int, w ...uint64) {
		if off == 0 {
			return // this CPU has no such component
		}
		for i, v := range w {
			binary.LittleEndian.PutUint64(x[off+8*i:], v)
		}
	}
	for i := range 8 {
		p := recST + 2*((top+i)&7)
		put(xsST+16*i, r[p], r[p+1]&0xffff)
	}
	for i := range 16 {
		w := r[recVec+8*i:]
		put(xsXMM+16*i, w[:2]...)
		put(vcpu.ComponentOffset(2)+16*i, w[2:4]...)
		put(vcpu.ComponentOffset(6)+32*i, w[4:8]...)
	}
	put(vcpu.ComponentOffset(7), r[recVec+16*8:recMask]...)
	put(vcpu.ComponentOffset(5), r[recMask:recST]...)
}

// takeX is the other direction.
func (r *record) takeX(x []byte, ctl *control) {
	has := binary.LittleEndian.Uint64(x[xsHeader:])
	get := func(i int, component, off int) {
		r[i] = 0
		if has>>component&1 != 0 {
			r[i] = binary.LittleEndian.Uint64(x[off:])
		}
	}
	ctl.fcw, ctl.ftw, r[recFPSW] = 0x37f, 0, 0
	if has&1 != 0 {
		ctl.fcw = binary.LittleEndian.Uint16(x[xsFCW:])
		r[recFPSW] = uint64(binary.LittleEndian.Uint16(x[xsFSW:]))
		ctl.ftw = x[xsFTW]
	}
	ctl.mxcsr = binary.LittleEndian.Uint32(x[xsMXCSR:])
	top := int(r[recFPSW] >> 11 & 7)
	for i := range 8 {
		p := recST + 2*((top+i)&7)
		get(p, 0, xsST+16*i)
		get(p+1, 0, xsST+16*i+8)
		r[p+1] &= 0xffff
	}
	for i := range 16 {
		p := recVec + 8*i
		for j := range 2 {
			get(p+j, 1, xsXMM+16*i+8*j)
			get(p+2+j, 2, vcpu.ComponentOffset(2)+16*i+8*j)
		}
		for j := range 4 {
			get(p+4+j, 6, vcpu.ComponentOffset(6)+32*i+8*j)
		}
	}
	for i := range 16 * 8 {
		get(recVec+16*8+i, 7, vcpu.ComponentOffset(7)+8*i)
	}
	for i := range 8 {
		get(recMask+i, 5, vcpu.ComponentOffset(5)+8*i)
	}
}

// randomWord is a value of the kind that instructions treat specially, or any.
func randomWord(rng *rand.Rand) uint64 {
	x := rng.Uint64()
	switch rng.IntN(14) {
	case 0:
		return x & 0xff
	case 1:
		return x & 63
	case 2:
		return 0
	case 3:
		return math.MaxUint64
	case 4:
		return uint64(int64(x) >> 58)
	case 5:
		return 1 << (x & 63)
	case 6:
		return 1<<(x&63) - 1
	case 7:
		return x & 0x0f0f0f0f0f0f0f0f // indices for shuffles
	case 8:
		return math.Float64bits(rng.NormFloat64())
	case 9, 10:
		return uint64(math.Float32bits(float32(rng.NormFloat64()*100)))<<32 | uint64(math.Float32bits(float32(rng.NormFloat64())))
	case 11: // equal bytes, or equal elements
		return x & 0xff * 0x0101010101010101
	case 12:
		return []uint64{0x7ff0000000000000, 0xfff8000000000000, 0x7ff0000000000001, 1, 0x7f8000007f800001, 0x8000000000000000,
			0x8000000080000000, 0x7fffffff7fffffff, 0x8080808080808080}[rng.IntN(9)]
	}
	return x
}

// randomize fills r with values. Some of them are equal to others, so that comparisons have something to find.
func (r *record) randomize(rng *rand.Rand, ctl *control) {
	few := [4]uint64{randomWord(rng), randomWord(rng), randomWord(rng), randomWord(rng)}
	equal := rng.IntN(4) == 0
	// A block of words, repeated: making each of 900 words anew costs more than running the instruction.
	var block [64]uint64
	for i := range block {
		if equal {
			block[i] = few[rng.IntN(4)]
		} else {
			block[i] = randomWord(rng)
		}
	}
	for i := 0; i < recWords; i += len(block) {
		copy(r[i:], block[:])
		k := rng.IntN(len(block))
		block[k], block[0] = block[0], block[k]
	}
	for i := range 16 {
		r[recGPR+i] = randomWord(rng)
		if equal {
			r[recGPR+i] = few[rng.IntN(4)]
		}
	}
	if !equal && rng.IntN(2) == 0 { // registers that differ
		for i := range 32 * 8 {
			r[recVec+i] = rng.Uint64()
		}
	}
	r[recFlags] = rng.Uint64() & flagsArith
	if rng.IntN(4) == 0 {
		r[recFlags] |= flagD
	}
	for i := range 8 {
		if rng.IntN(4) > 0 { // numbers near 1
			r[recST+2*i] |= 1 << 63
			r[recST+2*i+1] = r[recST+2*i+1]&0x8000 | 0x3ff8 + rng.Uint64()&15
		}
		r[recST+2*i+1] &= 0xffff
	}
	u := rng.Uint64()
	r[recFPSW] = u&7<<11 | u>>3&0x4700
	r[recGPR+guest.RSP] = stackBase + stackSize/2 + u>>20&3*8
	*ctl = control{fcw: 0x37f, ftw: byte(u >> 24), mxcsr: 0x1f80}
	if u>>32&3 == 0 {
		ctl.ftw = 0xff
	}
	if u>>34&7 == 0 {
		ctl.mxcsr |= 0x8040 | uint32(u>>40&3)<<13
		ctl.fcw |= uint16(u >> 42 & 3 << 10)
	}
}
