package jit

import (
	"encoding/hex"
	"testing"

	"gogrind/internal/isa/amd64"
)

// TestMoveOf: what counts as a move, and which bytes of V bits it carries where.
func TestMoveOf(t *testing.T) {
	const none = -1
	gpr := func(n uint8) int32 { _, off := register(n, false); return off }
	vec := func(n uint8) int32 { _, off := register(n, true); return off }
	for _, c := range []struct {
		code     string
		kind     moveKind
		size     uint8
		from, to int32 // none: memory
		room     uint8
		merge    bool
		signed   bool
	}{
		{"8b07", moveLoad, 4, none, gpr(0), 8, false, false},           // mov (%rdi), %eax
		{"4c8b07", moveLoad, 8, none, gpr(8), 8, false, false},         // mov (%rdi), %r8
		{"4889c3", moveRegs, 8, gpr(0), gpr(3), 8, false, false},       // mov %rax, %rbx
		{"668907", moveStore, 2, gpr(0), none, 0, false, false},        // mov %ax, (%rdi)
		{"408837", moveStore, 1, gpr(6), none, 0, false, false},        // mov %sil, (%rdi)
		{"480fbe07", moveLoad, 1, none, gpr(0), 8, false, true},        // movsbq (%rdi), %rax
		{"0fb7c1", moveRegs, 2, gpr(1), gpr(0), 8, false, false},       // movzwl %cx, %eax
		{"4863c1", moveRegs, 4, gpr(1), gpr(0), 8, false, true},        // movslq %ecx, %rax
		{"4154", moveStore, 8, gpr(12), none, 0, false, false},         // push %r12
		{"5b", moveLoad, 8, none, gpr(3), 8, false, false},             // pop %rbx
		{"440f1007", moveLoad, 16, none, vec(8), 64, false, false},     // movups (%rdi), %xmm8
		{"0f28ca", moveRegs, 16, vec(2), vec(1), 64, false, false},     // movaps %xmm2, %xmm1
		{"0f29ca", moveRegs, 16, vec(1), vec(2), 64, false, false},     // movaps %xmm1, %xmm2, the other encoding
		{"f30f7e07", moveLoad, 8, none, vec(0), 64, false, false},      // movq (%rdi), %xmm0
		{"660fd607", moveStore, 8, vec(0), none, 0, false, false},      // movq %xmm0, (%rdi)
		{"66480f6ec8", moveRegs, 8, gpr(0), vec(1), 64, false, false},  // movq %rax, %xmm1
		{"660f7ec8", moveRegs, 4, vec(1), gpr(0), 8, false, false},     // movd %xmm1, %eax
		{"f20f1007", moveLoad, 8, none, vec(0), 64, false, false},      // movsd (%rdi), %xmm0
		{"0f1607", moveLoad, 8, none, vec(0) + 8, 64, true, false},     // movhps (%rdi), %xmm0
		{"0f1707", moveStore, 8, vec(0) + 8, none, 0, false, false},    // movhps %xmm0, (%rdi)
		{"660f6cc1", moveRegs, 8, vec(1), vec(0) + 8, 64, true, false}, // punpcklqdq %xmm1, %xmm0
		{"c5fe6f07", moveLoad, 32, none, vec(0), 64, false, false},     // vmovdqu (%rdi), %ymm0
		{"c5f87f07", moveNone, 0, 0, 0, 0, false, false},               // no instruction
		{"f20f10c1", moveNone, 0, 0, 0, 0, false, false},               // movsd %xmm1, %xmm0 keeps the upper half
		{"66480f6e07", moveLoad, 8, none, vec(0), 64, false, false},    // movq (%rdi), %xmm0
		{"668b07", moveNone, 0, 0, 0, 0, false, false},                 // mov (%rdi), %ax keeps the rest
		{"8827", moveNone, 0, 0, 0, 0, false, false},                   // mov %ah, (%rdi)
		{"0fb6c4", moveNone, 0, 0, 0, 0, false, false},                 // movzbl %ah, %eax
		{"0fbe07", moveNone, 0, 0, 0, 0, false, false},                 // movsbl cuts the sign's copies
		{"64488b042528000000", moveNone, 0, 0, 0, 0, false, false},     // mov %fs:0x28, %rax
		{"67488b07", moveNone, 0, 0, 0, 0, false, false},               // mov (%edi), %rax
		{"5c", moveNone, 0, 0, 0, 0, false, false},                     // pop %rsp
		{"4801c3", moveNone, 0, 0, 0, 0, false, false},                 // add %rax, %rbx
		{"62f17c481007", moveNone, 0, 0, 0, 0, false, false},           // vmovups (%rdi), %zmm0
		{"c5f81607", moveNone, 0, 0, 0, 0, false, false},               // vmovhps has three operands
	} {
		code, err := hex.DecodeString(c.code)
		if err != nil {
			t.Fatal(err)
		}
		var in amd64.Inst
		if err := amd64.Decode(append(code, make([]byte, 16)...), &in); err != nil {
			if c.kind != moveNone {
				t.Errorf("%s: %v", c.code, err)
			}
			continue
		}
		mv, ok := moveOf(&in)
		if ok != (c.kind != moveNone) || ok != Moves(&in) {
			t.Errorf("%s (%s): a move is %v", c.code, in.Text(0), ok)
			continue
		}
		from, to := mv.from, mv.to
		if mv.src == 0 {
			from = none
		}
		if mv.dst == 0 {
			to = none
		}
		if ok && (mv.kind != c.kind || mv.size != c.size || from != c.from || to != c.to || mv.room != c.room || mv.merge != c.merge || mv.signed != c.signed) {
			t.Errorf("%s (%s): %+v, want %+v", c.code, in.Text(0), mv, c)
		}
	}
}
