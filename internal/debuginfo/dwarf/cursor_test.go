package dwarf

import (
	"math"
	"testing"
)

func TestLEB(t *testing.T) {
	for _, c := range []struct {
		b        string
		unsigned uint64
		signed   int64
		bad      bool
	}{
		{"\x00", 0, 0, false},
		{"\x02", 2, 2, false},
		{"\x7f", 127, -1, false},
		{"\x80\x01", 128, 128, false},
		{"\x80\x7f", 16256, -128, false},
		{"\xe5\x8e\x26", 624485, 624485, false},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", math.MaxUint64, -1, false},
		{"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f", 1 << 63, math.MinInt64, false},
		{"\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 1, 1, false},
		{"\x80", 0, 0, true},
		{"", 0, 0, true},
	} {
		u := NewCursor([]byte(c.b), 0)
		if got := u.Uleb(); got != c.unsigned || u.Bad() != c.bad {
			t.Errorf("%x: unsigned %d, bad %v", c.b, got, u.Bad())
		}
		s := NewCursor([]byte(c.b), 0)
		if got := s.Sleb(); got != c.signed || s.Bad() != c.bad {
			t.Errorf("%x: signed %d, bad %v", c.b, got, s.Bad())
		}
	}
}

func TestCursor(t *testing.T) {
	c := NewCursor([]byte("\x01\x02\x03\x04\x05\x06\x07\x08ab\x00c"), 0)
	if v := c.U24(); v != 0x030201 {
		t.Errorf("U24 %#x", v)
	}
	if v := c.Uint(4); v != 0x07060504 {
		t.Errorf("Uint %#x", v)
	}
	sub := c.Sub(4)
	if v := sub.U8(); v != 8 || sub.Pos() != 8 || sub.Len() != 3 {
		t.Errorf("Sub: %d at %d, %d left", v, sub.Pos(), sub.Len())
	}
	if s := sub.CStr(); string(s) != "ab" {
		t.Errorf("CStr %q", s)
	}
	if v := sub.U8(); v != 0 || !sub.Bad() || sub.Len() != 0 {
		t.Error("the sub-cursor reads past its end")
	}
	if c.Bad() || c.Len() != 1 {
		t.Errorf("after Sub: bad %v, %d left", c.Bad(), c.Len())
	}
	if s := c.CStr(); s != nil || !c.Bad() {
		t.Error("a string without end")
	}
	if v := c.U64(); v != 0 {
		t.Error("a bad cursor still reads")
	}
	for _, b := range []string{"\xff\xff\xff\xff\x01", "\xf0\xff\xff\xff"} {
		c := NewCursor([]byte(b), 0)
		if c.InitialLength(); !c.Bad() {
			t.Errorf("length %x is accepted", b)
		}
	}
	d := NewCursor([]byte("\xff\xff\xff\xff\x09\x00\x00\x00\x00\x00\x00\x00"), 0)
	if n, d64 := d.InitialLength(); n != 9 || !d64 || d.Bad() {
		t.Errorf("64-bit length: %d %v", n, d64)
	}
	if c := NewCursor([]byte("x"), 2); !c.Bad() {
		t.Error("an offset outside is accepted")
	}
}
