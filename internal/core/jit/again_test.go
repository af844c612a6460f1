package jit

import (
	"encoding/hex"
	"testing"

	"gogrind/internal/isa/amd64"
)

// TestAgain: how the flags in front of the last instruction are made again.
func TestAgain(t *testing.T) {
	const zf, cf = 0x40, 1
	for _, c := range []struct {
		what  string
		code  []string
		live  uint32
		again string // code, nothing if there is none
	}{
		{"a comparison", []string{"4839d8", "488b07"}, arithFlags, "4839d8"},
		{"a test of a byte", []string{"a801", "488b0f"}, arithFlags, "a801"},
		{"a comparison and a move of another register", []string{"83f805", "89d1", "8b0f"}, arithFlags, "83f805"},
		{"a comparison, and its register is overwritten", []string{"83f805", "89d0", "8b0f"}, arithFlags, ""},
		{"a comparison and a jump that is not taken", []string{"39d8", "7410", "8b0f"}, arithFlags, "39d8"},
		{"a comparison with memory", []string{"3b06", "8b0f"}, arithFlags, ""},
		{"a comparison of strings", []string{"a6", "8b0f"}, arithFlags, ""},
		{"a subtraction", []string{"4829d8", "8b0f"}, zf, "4885c0"},
		{"a subtraction's carry", []string{"4829d8", "8b0f"}, zf | cf, ""},
		{"an addition to r9", []string{"4983c101", "8b0f"}, zf, "4d85c9"},
		{"a sum in r9", []string{"4c03cb", "8b0f"}, zf, "4d85c9"},
		{"a sum of 16 bits", []string{"6601c3", "8b0f"}, zf, "6685db"},
		{"a sum in eax", []string{"0501000000", "8b0f"}, zf, "85c0"},
		{"a sum in sil", []string{"4400ce", "8b0f"}, zf, "4084f6"},
		{"a sum in a byte that may be ah", []string{"00c4", "8b0f"}, zf, ""},
		{"a load and a sum", []string{"0306", "8b0f"}, zf, "85c0"},
		{"a sum in memory", []string{"0106", "8b0f"}, zf, ""},
		{"a sum, and its register is overwritten", []string{"01d8", "89d0", "8b0f"}, zf, ""},
		{"the count of inc", []string{"ffc0", "8b0f"}, zf, "85c0"},
		{"a shift", []string{"c1e004", "8b0f"}, zf, ""},
		{"a comparison behind which a bit test sets the carry", []string{"39d8", "0fa3c8", "8b0f"}, zf | cf, ""},
		{"nothing", []string{"8b0f"}, zf, ""},
		{"a call between", []string{"39d8", "e800000000", "8b0f"}, zf, ""},
	} {
		var tr Translator
		for i, s := range c.code {
			code, err := hex.DecodeString(s)
			if err != nil {
				t.Fatal(err)
			}
			in := &tr.tr.insts[i]
			if err := amd64.Decode(append(code, make([]byte, 16)...), &in.Inst); err != nil {
				t.Fatalf("%s: %v", c.what, err)
			}
			in.code = code
			in.classify()
		}
		last := len(c.code) - 1
		tr.tr.n, tr.tr.insts[last].live = len(c.code), c.live
		got := ""
		if j := tr.againAt(last); j >= 0 {
			tr.tr.insts[last].joined = true
			if tr.againAt(last) >= 0 {
				t.Errorf("%s: made again where a jump arrives with other flags", c.what)
			}
			a := asm{buf: make([]byte, 16)}
			tr.emitAgain(&a, j)
			got = hex.EncodeToString(a.buf[:a.pos])
		}
		if got != c.again {
			t.Errorf("%s: %q, want %q", c.what, got, c.again)
		}
	}
}
