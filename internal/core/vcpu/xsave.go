package vcpu

import (
	"encoding/binary"
	"sync"
)

// XSAVE state components (Intel SDM vol. 1, 13.1) beside the legacy region.
const (
	componentAVX    = 2 // upper halves of ymm0-15
	componentOpmask = 5 // k0-7
	componentZMMHi  = 6 // upper halves of zmm0-15
	componentHi16   = 7 // zmm16-31
)

// xstateBV is the offset of the bit set of components that are not in their initial, all-zero state.
const xstateBV = 512

// cpuid executes the instruction of that name. In a virtual machine that takes microseconds.
func cpuid(leaf, sub uint32) (a, b, c, d uint32)

// offsets are where components lie.
var offsets = sync.OnceValue(func() *[8]uint32 {
	var at [8]uint32
	for _, i := range []uint32{componentAVX, componentOpmask, componentZMMHi, componentHi16} {
		_, at[i], _, _ = cpuid(0xd, i)
	}
	return &at
})

// HasBMI2 reports whether the processor has the second group of bit manipulation instructions.
func HasBMI2() bool {
	if top, _, _, _ := cpuid(0, 0); top < 7 {
		return false
	}
	_, b, _, _ := cpuid(7, 0)
	return b>>8&1 != 0
}

// ComponentOffset is where state component i (2, 5, 6 or 7; Intel SDM vol. 1, 13.1) lies in an XSAVE area.
func ComponentOffset(i int) int { return int(offsets()[i]) }

// Mask is mask register kN of a thread outside guest code.
func (c *Context) Mask(n uint8) uint64 {
	x := c.XSave()
	if !has(x, componentOpmask) {
		return 0
	}
	return binary.LittleEndian.Uint64(x[offsets()[componentOpmask]+8*uint32(n):])
}

// Vector is the first 32 bytes of vector register n (0-15) of a thread outside guest code.
func (c *Context) Vector(n uint8) (v [32]byte) {
	x := c.XSave()
	if has(x, 1) {
		copy(v[:16], x[160+16*int(n):])
	}
	if has(x, componentAVX) {
		copy(v[16:], x[offsets()[componentAVX]+16*uint32(n):])
	}
	return v
}

// Wide is all of vector register n (0-31) of a thread outside guest code.
func (c *Context) Wide(n uint8) (v [64]byte) {
	x := c.XSave()
	if n >= 16 {
		if has(x, componentHi16) {
			copy(v[:], x[offsets()[componentHi16]+64*uint32(n-16):])
		}
		return v
	}
	low := c.Vector(n)
	copy(v[:], low[:])
	if has(x, componentZMMHi) {
		copy(v[32:], x[offsets()[componentZMMHi]+32*uint32(n):])
	}
	return v
}

func has(x []byte, component int) bool {
	return binary.LittleEndian.Uint64(x[xstateBV:])>>component&1 != 0
}

// componentSizes are the sizes of the state components that offsets has.
var componentSizes = [8]uint32{componentAVX: 256, componentOpmask: 64, componentZMMHi: 512, componentHi16: 1024}

// XState is a copy of the XSAVE area of a thread outside guest code, as long as its components need, and what these are (XCR0).
func (c *Context) XState() (area []byte, components uint64) {
	const header = 576 // legacy region and header
	size := uint32(header)
	for i, n := range componentSizes {
		if n != 0 && c.XMask>>i&1 != 0 {
			size = max(size, offsets()[i]+n)
		}
	}
	return append([]byte(nil), c.XSave()[:size]...), c.XMask
}
