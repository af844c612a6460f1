package amd64

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustDecode(t *testing.T, s string) ([]byte, *Inst) {
	t.Helper()
	code := unhex(t, s)
	in := new(Inst)
	if err := Decode(code, in); err != nil {
		t.Fatalf("Decode(%s): %v", s, err)
	}
	if int(in.Len) != len(code) {
		t.Fatalf("Decode(%s): length %d", s, in.Len)
	}
	return code, in
}

func TestReplaceMemOperand(t *testing.T) {
	gsDisp := Mem{Seg: SegGS, Base: 3, Index: NoReg, Scale: 1, Disp: 0x40}
	for _, tt := range []struct {
		code string
		m    Mem
		want string // "" for an error
	}{
		{"488b4508", gsDisp, "65488b4340"},
		{"64488b042528000000", Mem{Base: 15, Index: NoReg, Scale: 1}, "498b07"},
		{"8b05785634 12", Mem{Base: RIP, Disp: -4, Index: NoReg}, "8b05fcffffff"},
		{"488b4508", Mem{Base: 13, Index: 12, Scale: 8}, "4b8b44e500"},
		{"488b4508", Mem{Base: NoReg, Index: NoReg, Scale: 1, Disp: 0x1000}, "488b042500100000"},
		{"488b4508", Mem{Base: NoReg, Index: 1, Scale: 4, Disp: 0x1000}, "488b048d00100000"},
		{"488b4508", Mem{Base: 4, Index: NoReg, Scale: 1, Disp: 300}, "488b84242c010000"},
		{"488b4508", Mem{Base: 0, Index: 4, Scale: 1}, ""},
		{"8824 07", Mem{Base: 8, Index: NoReg, Scale: 1}, ""}, // mov %ah,(%rdi,%rax): needs REX
		{"882407", Mem{Base: 2, Index: NoReg, Scale: 1}, "8822"},
		{"67 8b00", gsDisp, "658b4340"},
		{"48a10807060504030201", gsDisp, "65488b4340"},
		{"c5fc580408", Mem{Base: 9, Index: NoReg, Scale: 1}, "c4c17c5801"},
		{"62f17c4858441001", gsDisp, "6562f17c48584301"},                                             // disp8*64
		{"62f17c4858441001", Mem{Base: 3, Index: NoReg, Scale: 1, Disp: 8}, "62f17c4858830 8000000"}, // not a multiple
		{"62f27d4990047f", Mem{Base: 8, Index: 30, Scale: 2}, "6292 7d4190 0470"},
		{"48646548 8b00", Mem{Base: 1, Index: NoReg, Scale: 1}, "488b01"}, // dead REX goes
		{"0f0f400fb4", Mem{Base: 1, Index: NoReg, Scale: 1}, "0f0f01b4"},
		{"c7400478563412", gsDisp, "65c7434078563412"},
		{"4889d8", gsDisp, ""},
	} {
		code, in := mustDecode(t, stripSpace(tt.code))
		got, err := ReplaceMemOperand(make([]byte, 0, 16), code, in, tt.m)
		if tt.want == "" {
			if err == nil {
				t.Errorf("%s with %+v: got %x, want error", tt.code, tt.m, got)
			}
			continue
		}
		if err != nil || !bytes.Equal(got, unhex(t, stripSpace(tt.want))) {
			t.Errorf("%s with %+v: got %x, %v, want %s", tt.code, tt.m, got, err, tt.want)
		}
	}
}

func stripSpace(s string) string {
	return string(bytes.ReplaceAll([]byte(s), []byte(" "), nil))
}

func TestSetSegPrefix(t *testing.T) {
	for _, tt := range []struct {
		code string
		seg  uint8
		want string
	}{
		{"488b00", SegGS, "65488b00"},
		{"64488b00", SegNone, "488b00"},
		{"f0652e480fb100", SegFS, "64f0480fb100"},
		{"48648b00", SegNone, "8b00"}, // the REX is dead and stays so
		{"c5fc5800", SegGS, "65c5fc5800"},
	} {
		code, in := mustDecode(t, tt.code)
		got, err := SetSegPrefix(nil, code, in, tt.seg)
		if err != nil || !bytes.Equal(got, unhex(t, tt.want)) {
			t.Errorf("%s seg %d: got %x, %v, want %s", tt.code, tt.seg, got, err, tt.want)
		}
	}
	code, in := mustDecode(t, strings.Repeat("66", 12)+"8b00")
	if got, err := SetSegPrefix(nil, code, in, SegGS); err != nil || len(got) != 15 {
		t.Errorf("15 bytes: got %x, %v", got, err)
	}
	code, in = mustDecode(t, strings.Repeat("66", 13)+"8b00")
	if got, err := SetSegPrefix(nil, code, in, SegGS); err == nil {
		t.Errorf("16 bytes: got %x, want error", got)
	}
}

func TestMemAddrLEA(t *testing.T) {
	for _, tt := range []struct {
		code string
		dst  uint8
		want string
	}{
		{"64488b442408", 9, "4c8d4c2408"},
		{"67438b048c", 0, "674b8d048c"},
		{"8b0578563412", 3, "488d1d78563412"},
		{"48a10807060504030201", 10, "49ba0807060504030201"},
		{"67a1080706ff", 0, "40b8080706ff"},
		{"62f17c4858441001", 1, "488d4c1040"},
		{"8b042578563412", 1, "488d0c2578563412"},
	} {
		_, in := mustDecode(t, tt.code)
		got, err := MemAddrLEA(nil, in, tt.dst)
		if err != nil || !bytes.Equal(got, unhex(t, tt.want)) {
			t.Errorf("%s to %d: got %x, %v, want %s", tt.code, tt.dst, got, err, tt.want)
		}
	}
	_, in := mustDecode(t, "62f27d4990047f")
	if got, err := MemAddrLEA(nil, in, 0); err == nil {
		t.Errorf("vsib: got %x, want error", got)
	}
}
