package jit

import (
	"encoding/hex"
	"testing"

	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// TestFieldOf: which operations dirty code does to V bits, and with which constant.
func TestFieldOf(t *testing.T) {
	rax, rbx, rsi := amd64.GPR(0), amd64.GPR(3), amd64.GPR(6)
	for _, c := range []struct {
		code     string
		op       fieldOp
		size     uint8
		mask     int32
		src, dst isa.RegSet
	}{
		{"f6470802", fieldTest, 1, 2, 0, 0},              // testb $2, 8(%rdi)
		{"a80c", fieldTest, 1, 12, rax, 0},               // test $12, %al
		{"a9000000f0", fieldTest, 4, -1 << 28, rax, 0},   // test $0xf0000000, %eax
		{"4885db", fieldTest, 8, -1, rbx, 0},             // test %rbx, %rbx
		{"4085f6", fieldTest, 4, -1, rsi, 0},             // test %esi, %esi
		{"83e303", fieldMask, 4, 3, rbx, rbx},            // and $3, %ebx
		{"4881e300ffffff", fieldMask, 8, -256, rbx, rbx}, // and $-256, %rbx
		{"830f04", fieldMask, 4, ^4, 0, 0},               // orl $4, (%rdi)
		{"0d00010000", fieldMask, 4, ^256, rax, rax},     // or $256, %eax
		{"83f601", fieldMask, 4, -1, rsi, rsi},           // xor $1, %esi
		{"4018f6", fieldMask, 1, 0, rsi, rsi},            // sbb %sil, %sil
		{"c1e804", fieldShift, 4, -1, rax, rax},          // shr $4, %eax
		{"d1e3", fieldShift, 4, -1, rbx, rbx},            // shl $1, %ebx
		{"0fbae303", fieldTest, 4, 8, rbx, 0},            // bt $3, %ebx
		{"09d8", fieldOr, 4, 0, 0, rax},                  // or %ebx, %eax
		{"400a37", fieldOr, 1, 0, 0, rsi},                // or (%rdi), %sil
		{"4823c3", fieldAnd, 8, 0, 0, rax},               // and %rbx, %rax
		{"21c0", fieldNone, 0, 0, 0, 0},                  // and %eax, %eax
		{"0937", fieldNone, 0, 0, 0, 0},                  // or %esi, (%rdi)
		{"f6c401", fieldNone, 0, 0, 0, 0},                // test $1, %ah
		{"85d8", fieldNone, 0, 0, 0, 0},                  // test %ebx, %eax
		{"31d8", fieldNone, 0, 0, 0, 0},                  // xor %ebx, %eax: may be the start of a merge
		{"c1e800", fieldNone, 0, 0, 0, 0},                // shr $0, %eax
		{"c1c804", fieldNone, 0, 0, 0, 0},                // ror $4, %eax
		{"d3e0", fieldNone, 0, 0, 0, 0},                  // shl %cl, %eax
		{"83c001", fieldNone, 0, 0, 0, 0},                // add $1, %eax
		{"f0830f04", fieldNone, 0, 0, 0, 0},              // lock or
		{"64830f04", fieldNone, 0, 0, 0, 0},              // %fs:
	} {
		code, err := hex.DecodeString(c.code)
		if err != nil {
			t.Fatal(err)
		}
		var in amd64.Inst
		if err := amd64.Decode(append(code, make([]byte, 16)...), &in); err != nil {
			t.Errorf("%s: %v", c.code, err)
			continue
		}
		mv, ok := fieldOf(&in)
		if ok != (c.op != fieldNone) {
			t.Errorf("%s (%s): an operation on bits is %v", c.code, in.Text(0), ok)
			continue
		}
		if f := mv.field; ok && (f.op != c.op || mv.size != c.size || f.mask != c.mask || mv.src != c.src || mv.dst != c.dst) {
			t.Errorf("%s (%s): %+v, want %+v", c.code, in.Text(0), mv, c)
		}
	}
}
