package amd64

import (
	"bytes"
	"math/rand"
	"testing"

	"gogrind/internal/isa"
)

// checkInst checks what must hold for any bytes: nothing panics, only the instruction's bytes matter, and re-encoded
// instructions decode to the same form with the operand that was asked for.
func checkInst(t *testing.T, code []byte) {
	var in Inst
	if Decode(code, &in) != nil {
		return
	}
	n := int(in.Len)
	if n > maxLen || n > len(code) || n == 0 {
		t.Fatalf("%x: length %d", code, n)
	}
	code = code[:n:n]
	var again Inst
	if err := Decode(code, &again); err != nil || again != in {
		t.Fatalf("%x: decoded alone: %v", code, err)
	}
	in.Text(0x1000)
	e := in.Effects()
	if e.FlagsKilled&^e.FlagsWritten != 0 {
		t.Errorf("%x: kills flags %#x, writes %#x", code, e.FlagsKilled, e.FlagsWritten)
	}
	ops := in.Operands(nil)
	for _, o := range ops {
		if o.Kind != OpReg || o.Class != CGPR && o.Class != CGPRH || in.Row.Cf >= CfSys {
			continue
		}
		r := GPR(o.Num)
		if o.Class == CGPRH {
			r = GPR(o.Num - 4)
		}
		if o.Acc&AccW != 0 && !e.Writes.Has(r) {
			t.Errorf("%x: operand writes %s, Effects does not", code, setString(r))
		}
		if o.Acc&AccW != 0 && o.Width < 4 && !e.Reads.Has(r) {
			t.Errorf("%x: %s keeps a part that Effects does not read", code, setString(r))
		}
	}
	for _, a := range in.MemAccesses(nil) {
		if k := ops[a.Operand].Kind; k != OpMem && k != OpImpl {
			t.Errorf("%x: access of operand %d, which is none", code, a.Operand)
		}
		if a.Kind == 0 || a.Size == 0 && in.Row.Attr&AState == 0 {
			t.Errorf("%x: %+v", code, a)
		}
	}
	checkEncode(t, code, &in)
}

func checkEncode(t *testing.T, code []byte, in *Inst) {
	e := in.Effects()
	if f := in.FlagEffects(); f != (isa.FlagEffects{Read: e.FlagsRead, Written: e.FlagsWritten, Killed: e.FlagsKilled}) {
		t.Errorf("%x: effects on flags %+v of %+v", code, f, e)
	}
	for n := range uint8(16) {
		if in.WritesGPR(n) != e.Writes.Has(GPR(n)) {
			t.Errorf("%x: writes register %d: %v of %+v", code, n, in.WritesGPR(n), e)
		}
	}
	for seg := uint8(SegNone); seg <= SegGS; seg++ {
		if out, err := SetSegPrefix(nil, code, in, seg); err == nil {
			var got Inst
			if err := Decode(out, &got); err != nil || int(got.Len) != len(out) || got.Row != in.Row || got.Seg != seg ||
				got.Disp != in.Disp || got.Imm != in.Imm || got.Base != in.Base || got.OpSize != in.OpSize {
				t.Errorf("%x with segment %d: %x, %v", code, seg, out, err)
			}
		}
	}
	if !in.HasMem {
		return
	}
	vsib := in.Row.Attr&AVsibX != 0
	for _, m := range []Mem{
		{Base: 0, Index: NoReg, Scale: 1},
		{Base: 4, Index: 5, Scale: 8, Disp: 0x40, Seg: SegGS},
		{Base: 13, Index: 12, Scale: 2, Disp: -0x1234},
		{Base: RIP, Index: NoReg, Scale: 1, Disp: 77},
		{Base: NoReg, Index: NoReg, Scale: 1, Disp: 0x7fffffff, Seg: SegFS},
		{Base: 5, Index: 20, Scale: 4, Disp: 1},
	} {
		if m.Index != NoReg && m.Index > 15 != vsib || vsib && in.Space != SpEVEX {
			continue
		}
		out, err := ReplaceMemOperand(nil, code, in, m)
		if err != nil {
			continue
		}
		var got Inst
		if err := Decode(out, &got); err != nil {
			if vsib { // the index may be the destination
				continue
			}
			t.Fatalf("%x with %+v: %x: %v", code, m, out, err)
		}
		if got.MemOperand() != m || int(got.Len) != len(out) || got.Imm != in.Imm || got.ModRM&0x38 != in.ModRM&0x38 && in.Row.Imm != IO ||
			got.Mnem() != in.Mnem() || got.VVVV != in.VVVV || got.AAA != in.AAA || got.OpSize != in.OpSize || got.L != in.L {
			t.Errorf("%x with %+v: %x has %+v", code, m, out, got.MemOperand())
		}
	}
	if out, err := MemAddrLEA(nil, in, 9); err == nil && in.Row.Imm != IO {
		var got Inst
		want := in.MemOperand()
		want.Seg = SegNone
		if err := Decode(out, &got); err != nil || got.Class() != isa.Lea || got.MemOperand() != want || got.ASize != in.ASize {
			t.Errorf("address of %x: %x, %v", code, out, err)
		}
	}
}

// TestRandom is the short form of FuzzDecode: random encodings of all forms, with random prefixes and changed bytes.
func TestRandom(t *testing.T) {
	rng := rand.New(rand.NewSource(2))
	prefixes := []byte{0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65, 0x40, 0x48, 0x4f}
	for _, code := range encodings(t, rng, 8) {
		checkInst(t, code)
		c := bytes.Clone(code)
		for range rng.Intn(3) {
			c = append([]byte{prefixes[rng.Intn(len(prefixes))]}, c...)
		}
		c[rng.Intn(len(c))] ^= 1 << rng.Intn(8)
		checkInst(t, append(c, 0, 1, 2, 3, 4, 5, 6, 7))
		if t.Failed() {
			return
		}
	}
}

func FuzzDecode(f *testing.F) {
	rng := rand.New(rand.NewSource(1))
	for _, code := range encodings(f, rng, 1) {
		f.Add(code)
	}
	f.Fuzz(checkInst)
}
