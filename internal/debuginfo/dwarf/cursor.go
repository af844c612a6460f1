package dwarf

import (
	"bytes"
	"encoding/binary"
)

// Cursor reads little-endian data from a byte slice. The first read past the end makes it bad: from then on every read
// gives zero and Bad is true, so callers check once per entry instead of once per field.
type Cursor struct {
	b   []byte
	i   int
	bad bool
}

// NewCursor reads b from offset off on.
func NewCursor(b []byte, off uint64) Cursor {
	if off > uint64(len(b)) {
		return Cursor{bad: true}
	}
	return Cursor{b: b, i: int(off)}
}

// Bad reports whether a read went past the end.
func (c *Cursor) Bad() bool { return c.bad }

// Pos is the offset of the next byte.
func (c *Cursor) Pos() uint64 { return uint64(c.i) }

// Len is the number of bytes left.
func (c *Cursor) Len() int {
	if c.bad {
		return 0
	}
	return len(c.b) - c.i
}

func (c *Cursor) fail() {
	c.bad = true
	c.i = len(c.b)
}

// Bytes reads n bytes; the slice aliases the data.
func (c *Cursor) Bytes(n uint64) []byte {
	if c.bad || n > uint64(len(c.b)-c.i) {
		c.fail()
		return nil
	}
	p := c.b[c.i : c.i+int(n) : c.i+int(n)]
	c.i += int(n)
	return p
}

// Skip passes over n bytes.
func (c *Cursor) Skip(n uint64) {
	if c.bad || n > uint64(len(c.b)-c.i) {
		c.fail()
		return
	}
	c.i += int(n)
}

// U8 reads one byte.
func (c *Cursor) U8() uint8 {
	if c.bad || c.i >= len(c.b) {
		c.fail()
		return 0
	}
	v := c.b[c.i]
	c.i++
	return v
}

// U16 reads two bytes.
func (c *Cursor) U16() uint16 {
	if p := c.Bytes(2); p != nil {
		return binary.LittleEndian.Uint16(p)
	}
	return 0
}

// U24 reads three bytes.
func (c *Cursor) U24() uint32 {
	if p := c.Bytes(3); p != nil {
		return uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16
	}
	return 0
}

// U32 reads four bytes.
func (c *Cursor) U32() uint32 {
	if p := c.Bytes(4); p != nil {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}

// U64 reads eight bytes.
func (c *Cursor) U64() uint64 {
	if p := c.Bytes(8); p != nil {
		return binary.LittleEndian.Uint64(p)
	}
	return 0
}

// Uint reads an unsigned number of 1, 2, 4 or 8 bytes.
func (c *Cursor) Uint(size int) uint64 {
	switch size {
	case 1:
		return uint64(c.U8())
	case 2:
		return uint64(c.U16())
	case 4:
		return uint64(c.U32())
	case 8:
		return c.U64()
	}
	c.fail()
	return 0
}

// Uleb reads an unsigned LEB128 number; bits past the 64th are dropped.
func (c *Cursor) Uleb() uint64 {
	var v uint64
	for shift := uint(0); ; shift += 7 {
		x := c.U8()
		if shift < 64 {
			v |= uint64(x&0x7f) << shift
		}
		if x&0x80 == 0 {
			return v
		}
	}
}

// Sleb reads a signed LEB128 number.
func (c *Cursor) Sleb() int64 {
	var v int64
	for shift := uint(0); ; {
		x := c.U8()
		if shift < 64 {
			v |= int64(x&0x7f) << shift
		}
		shift += 7
		if x&0x80 == 0 {
			if x&0x40 != 0 && shift < 64 {
				v |= -1 << shift
			}
			return v
		}
	}
}

// CStr reads a zero-terminated string without its zero.
func (c *Cursor) CStr() []byte {
	if c.bad {
		return nil
	}
	n := bytes.IndexByte(c.b[c.i:], 0)
	if n < 0 {
		c.fail()
		return nil
	}
	p := c.b[c.i : c.i+n]
	c.i += n + 1
	return p
}

// Offset reads a section offset: 8 bytes in the 64-bit DWARF format, 4 otherwise.
func (c *Cursor) Offset(dwarf64 bool) uint64 {
	if dwarf64 {
		return c.U64()
	}
	return uint64(c.U32())
}

// InitialLength reads a unit's length and format.
func (c *Cursor) InitialLength() (n uint64, dwarf64 bool) {
	n = uint64(c.U32())
	switch {
	case n == 0xffffffff:
		return c.U64(), true
	case n >= 0xfffffff0: // reserved by the standard
		c.fail()
		return 0, false
	}
	return n, false
}

// Sub is a cursor over the next n bytes, which c passes over. Positions of the sub-cursor are those of c's data.
func (c *Cursor) Sub(n uint64) Cursor {
	if c.bad || n > uint64(len(c.b)-c.i) {
		c.fail()
		return Cursor{bad: true}
	}
	s := Cursor{b: c.b[:c.i+int(n)], i: c.i}
	c.i += int(n)
	return s
}
