package vcpu

import "encoding/binary"

// Places in the legacy region of the XSAVE area (Intel SDM vol. 1, 10.5.1), and the initial control word.
const (
	legacyFCW = 0
	legacyFSW = 2
	legacyFTW = 4  // abridged: a bit for each physical register, 0 is empty
	legacyST  = 32 // st(0), then the others, 16 bytes each
	initFCW   = 0x37f
)

// FPSW, FPCW and FPTW are the x87 status, control and abridged tag words of a thread outside guest code.

func (c *Context) FPSW() uint16 {
	x := c.XSave()
	if !has(x, 0) {
		return 0
	}
	return binary.LittleEndian.Uint16(x[legacyFSW:])
}

func (c *Context) FPCW() uint16 {
	x := c.XSave()
	if !has(x, 0) {
		return initFCW
	}
	return binary.LittleEndian.Uint16(x[legacyFCW:])
}

func (c *Context) FPTW() uint8 {
	x := c.XSave()
	if !has(x, 0) {
		return 0
	}
	return x[legacyFTW]
}

// ST stores physical x87 register n of a thread outside guest code: 64 bits of significand, then sign and exponent.
func (c *Context) ST(n uint8, v *[2]uint64) {
	x := c.XSave()
	*v = [2]uint64{}
	if !has(x, 0) {
		return
	}
	top := uint8(c.FPSW() >> 11 & 7)
	at := x[legacyST+16*int((n-top)&7):]
	v[0], v[1] = binary.LittleEndian.Uint64(at), uint64(binary.LittleEndian.Uint16(at[8:]))
}

// Vec stores vector register n (0-31) of a thread outside guest code, lowest quadword first.
func (c *Context) Vec(n uint8, v *[8]uint64) {
	x := c.XSave()
	*v = [8]uint64{}
	put := func(i, words int, b []byte) {
		for j := range words {
			v[i+j] = binary.LittleEndian.Uint64(b[8*j:])
		}
	}
	if n >= 16 {
		if has(x, componentHi16) {
			put(0, 8, x[offsets()[componentHi16]+64*uint32(n-16):])
		}
		return
	}
	if has(x, 1) {
		put(0, 2, x[160+16*int(n):])
	}
	if has(x, componentAVX) {
		put(2, 2, x[offsets()[componentAVX]+16*uint32(n):])
	}
	if has(x, componentZMMHi) {
		put(4, 4, x[offsets()[componentZMMHi]+32*uint32(n):])
	}
}
