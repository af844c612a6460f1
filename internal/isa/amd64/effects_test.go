package amd64

import (
	"fmt"
	"strings"
	"testing"

	"gogrind/internal/isa"
)

var gprNames = strings.Fields("rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15")

// setString spells a register set for tests: rax,xmm3,k1,x87,mxcsr,sys.
func setString(s isa.RegSet) string {
	if s == SetAll {
		return "all"
	}
	var l []string
	for i := uint8(0); i < 59; i++ {
		if s>>i&1 == 0 {
			continue
		}
		switch {
		case i < 16:
			l = append(l, gprNames[i])
		case i < 48:
			l = append(l, fmt.Sprint("v", i-16))
		case i < 56:
			l = append(l, fmt.Sprint("k", i-48))
		default:
			l = append(l, []string{"x87", "mxcsr", "sys"}[i-56])
		}
	}
	return strings.Join(l, ",")
}

func flagString(f uint32) string {
	s := ""
	for i, c := range map[uint]string{0: "C", 2: "P", 4: "A", 6: "Z", 7: "S", 11: "O", 10: "D"} {
		if f>>i&1 != 0 {
			s += c
		}
	}
	b := ""
	for _, c := range "CPAZSOD" {
		if strings.ContainsRune(s, c) {
			b += string(c)
		}
	}
	return b
}

func TestEffects(t *testing.T) {
	for _, tt := range []struct {
		code, text           string
		reads, writes        string
		fRead, fWrit, fKills string
	}{
		{"4801d8", "add %rbx,%rax", "rax,rbx", "rax", "", "CPAZSO", "CPAZSO"},
		{"89d8", "mov %ebx,%eax", "rbx", "rax", "", "", ""},
		{"6689d8", "mov %bx,%ax", "rax,rbx", "rax", "", "", ""},
		{"88e0", "mov %ah,%al", "rax", "rax", "", "", ""},
		{"4088e0", "mov %spl,%al", "rax,rsp", "rax", "", "", ""},
		{"b701", "mov $1,%bh", "rbx", "rbx", "", "", ""},
		{"0f44c3", "cmovz %ebx,%eax", "rax,rbx", "rax", "Z", "", ""},
		{"488b448b08", "mov 8(%rbx,%rcx,4),%rax", "rcx,rbx", "rax", "", "", ""},
		{"488d448b08", "lea 8(%rbx,%rcx,4),%rax", "rcx,rbx", "rax", "", "", ""},
		{"8b0500000000", "mov 0(%rip),%eax", "", "rax", "", "", ""},
		{"50", "push %rax", "rax,rsp", "rsp", "", "", ""},
		{"5c", "pop %rsp", "rsp", "rsp", "", "", ""},
		{"8f4308", "pop 8(%rbx)", "rbx,rsp", "rsp", "", "", ""},
		{"c9", "leave", "rbp", "rsp,rbp", "", "", ""},
		{"31c0", "xor %eax,%eax", "", "rax", "", "CPAZSO", "CPAZSO"},
		{"4531c9", "xor %r9d,%r9d", "", "r9", "", "CPAZSO", "CPAZSO"},
		{"4431c9", "xor %r9d,%ecx", "rcx,r9", "rcx", "", "CPAZSO", "CPAZSO"},
		{"30c0", "xor %al,%al", "rax", "rax", "", "CPAZSO", "CPAZSO"},
		{"19c0", "sbb %eax,%eax", "rax", "rax", "C", "CPAZSO", "CPAZSO"},
		{"4893", "xchg %rbx,%rax", "rax,rbx", "rax,rbx", "", "", ""},
		{"0fa2", "cpuid", "rax,rcx", "rax,rcx,rdx,rbx", "", "", ""},
		{"0f05", "syscall", "all", "rcx,r11", "CPAZSOD", "CPAZSOD", "CPAZSOD"},
		{"f348a5", "rep movsq", "rcx,rsi,rdi", "rcx,rsi,rdi", "D", "", ""},
		{"f3a6", "repe cmpsb", "rcx,rsi,rdi", "rcx,rsi,rdi", "ZD", "CPAZSO", ""},
		{"d3e0", "shl %cl,%eax", "rax,rcx", "rax", "", "CPAZSO", ""},
		{"c1e003", "shl $3,%eax", "rax", "rax", "", "CPAZSO", "CPAZSO"},
		{"c1e020", "shl $32,%eax", "rax", "rax", "", "", ""},
		{"48c1e020", "shl $32,%rax", "rax", "rax", "", "CPAZSO", "CPAZSO"},
		{"ffc0", "inc %eax", "rax", "rax", "", "PAZSO", "PAZSO"},
		{"48f7e3", "mul %rbx", "rax,rbx", "rax,rdx", "", "CPAZSO", "CO"},
		{"f6e3", "mul %bl", "rax,rbx", "rax", "", "CPAZSO", "CO"},
		{"4899", "cqo", "rax", "rdx", "", "", ""},
		{"6698", "cbw", "rax", "rax", "", "", ""},
		{"d7", "xlat", "rax,rbx", "rax", "", "", ""},
		{"e2fe", "loop .", "rcx", "rcx", "", "", ""},
		{"f00fb10b", "lock cmpxchg %ecx,(%rbx)", "rax,rcx,rbx", "rax", "", "CPAZSO", "CPAZSO"},
		{"480fc70b", "cmpxchg16b (%rbx)", "rax,rcx,rdx,rbx", "rax,rdx", "", "Z", "Z"},
		{"0f1f4000", "nop 0(%rax)", "", "", "", "", ""},
		{"0f58c1", "addps %xmm1,%xmm0", "v0,v1,mxcsr", "v0,mxcsr", "", "", ""},
		{"f30f10c1", "movss %xmm1,%xmm0", "v0,v1", "v0", "", "", ""},
		{"c5f858c2", "vaddps %xmm2,%xmm0,%xmm0", "v0,v2,mxcsr", "v0,mxcsr", "", "", ""},
		{"c5f828c2", "vmovaps %xmm2,%xmm0", "v2", "v0", "", "", ""},
		{"62f17c4928c2", "vmovaps %zmm2,%zmm0{k1}", "v0,v2,k1", "v0", "", "", ""},
		{"62f17cc928c2", "vmovaps %zmm2,%zmm0{k1}{z}", "v2,k1", "v0", "", "", ""},
		{"62f27d4990047f", "vpgatherdd (%rdi,%zmm7,2),%zmm0{k1}", "rdi,v0,v7,k1", "v0,k1", "", "", ""},
		{"c5f877", "vzeroupper", "v0,v1,v2,v3,v4,v5,v6,v7,v8,v9,v10,v11,v12,v13,v14,v15", "v0,v1,v2,v3,v4,v5,v6,v7,v8,v9,v10,v11,v12,v13,v14,v15", "", "", ""},
		{"c5fc77", "vzeroall", "", "v0,v1,v2,v3,v4,v5,v6,v7,v8,v9,v10,v11,v12,v13,v14,v15", "", "", ""},
		{"c5f441c2", "kandw %k2,%k1,%k0", "k1,k2", "k0", "", "", ""},
		{"c5f9efc0", "vpxor %xmm0,%xmm0,%xmm0", "", "v0", "", "", ""},
		{"c5f1efc9", "vpxor %xmm1,%xmm1,%xmm1", "", "v1", "", "", ""},
		{"c5f1efc0", "vpxor %xmm0,%xmm1,%xmm0", "v0,v1", "v0", "", "", ""},
		{"c5f1efc1", "vpxor %xmm1,%xmm1,%xmm0", "", "v0", "", "", ""},
		{"62f17549efc1", "vpxord %zmm1,%zmm1,%zmm0{k1}", "v0,v1,k1", "v0", "", "", ""},
		{"0f57c0", "xorps %xmm0,%xmm0", "v0", "v0", "", "", ""},
		{"d8c1", "fadd %st(1)", "x87", "x87", "", "", ""},
		{"dfe0", "fnstsw %ax", "rax,x87", "rax,x87", "", "", ""},
		{"0fae20", "xsave (%rax)", "rax,rdx," + setString(SetVec|SetMask|SetX87|SetMXCSR|SetSys), "", "", "", ""},
		{"f30fbcc3", "tzcnt %ebx,%eax", "rbx", "rax", "", "CPAZSO", "CZ"},
		{"0fbcc3", "bsf %ebx,%eax", "rax,rbx", "rax", "", "CPAZSO", "Z"},
		{"9c", "pushf", "rsp", "rsp", "CPAZSOD", "", ""},
		{"660f38f803", "movdir64b (%rbx),%rax", "rax,rbx", "", "", "", ""},
	} {
		_, in := mustDecode(t, tt.code)
		e := in.Effects()
		got := []string{setString(e.Reads), setString(e.Writes), flagString(e.FlagsRead), flagString(e.FlagsWritten), flagString(e.FlagsKilled)}
		want := []string{tt.reads, tt.writes, tt.fRead, tt.fWrit, tt.fKills}
		for i, what := range []string{"reads", "writes", "flags read", "flags written", "flags killed"} {
			if got[i] != want[i] {
				t.Errorf("%s (%s): %s %q, want %q", tt.text, tt.code, what, got[i], want[i])
			}
		}
		if e.FlagsKilled&^e.FlagsWritten != 0 {
			t.Errorf("%s: kills flags it does not write", tt.text)
		}
	}
}

func TestMemAccesses(t *testing.T) {
	const (
		ld, st, md = isa.Load, isa.Store, isa.Modify
	)
	for _, tt := range []struct {
		code, text string
		want       []Access
	}{
		{"4801d8", "add %rbx,%rax", nil},
		{"480103", "add %rax,(%rbx)", []Access{{Kind: md, Size: 8}}},
		{"0f1f00", "nop (%rax)", nil},
		{"8d03", "lea (%rbx),%eax", nil},
		{"0f1803", "prefetchnta (%rbx)", nil},
		{"0fae3b", "clflush (%rbx)", nil},
		{"f3a4", "rep movsb", []Access{{Operand: 2, Kind: ld, Addr: AddrRSI, Cond: true, Size: 1}, {Operand: 0, Kind: st, Addr: AddrRDI, Cond: true, Size: 1}}},
		{"48a7", "cmpsq", []Access{{Operand: 0, Kind: ld, Addr: AddrRSI, Size: 8}, {Operand: 2, Kind: ld, Addr: AddrRDI, Size: 8}}},
		{"50", "push %rax", []Access{{Operand: 1, Kind: st, Addr: AddrPush, Size: 8}}},
		{"6650", "push %ax", []Access{{Operand: 1, Kind: st, Addr: AddrPush, Size: 2}}},
		{"ff33", "push (%rbx)", []Access{{Operand: 0, Kind: ld, Size: 8}, {Operand: 1, Kind: st, Addr: AddrPush, Size: 8}}},
		{"8f03", "pop (%rbx)", []Access{{Operand: 1, Kind: ld, Addr: AddrPop, Size: 8}, {Operand: 0, Kind: st, Size: 8}}},
		{"ff13", "call *(%rbx)", []Access{{Operand: 0, Kind: ld, Size: 8}, {Operand: 1, Kind: st, Addr: AddrPush, Size: 8}}},
		{"c3", "ret", []Access{{Operand: 0, Kind: ld, Addr: AddrPop, Size: 8}}},
		{"c9", "leave", []Access{{Operand: 0, Kind: ld, Addr: AddrRBP, Size: 8}}},
		{"c8100000", "enter $16,$0", []Access{{Operand: 2, Kind: st, Addr: AddrPush, Size: 8}}},
		{"c8100001", "enter $16,$1", []Access{{Operand: 2, Kind: st, Addr: AddrPush, Size: 8, Outside: true}}},
		{"d7", "xlat", []Access{{Operand: 0, Kind: ld, Addr: AddrXlat, Size: 1}}},
		{"480fa303", "bt %rax,(%rbx)", []Access{{Kind: ld, Size: 8, Outside: true}}},
		{"480fba2b03", "bts $3,(%rbx)", []Access{{Kind: md, Size: 8}}},
		{"f00fb10b", "lock cmpxchg %ecx,(%rbx)", []Access{{Kind: md, Size: 4, CondStore: true}}},
		{"0f4403", "cmovz (%rbx),%eax", []Access{{Operand: 1, Kind: ld, Size: 4}}},
		{"0fae20", "xsave (%rax)", []Access{{Kind: md}}},
		{"0fae03", "fxsave (%rbx)", []Access{{Kind: st, Size: 512}}},
		{"dd33", "fnsave (%rbx)", []Access{{Kind: st, Size: 108}}},
		{"62f17c495803", "vaddps (%rbx),%zmm0,%zmm0{k1}", []Access{{Operand: 3, Kind: ld, Size: 64, Cond: true, Elem: 4}}},
		{"62f17c585803", "vaddps (%rbx){1to16},%zmm0,%zmm0", []Access{{Operand: 2, Kind: ld, Size: 4}}},
		{"62f27d4990047f", "vpgatherdd (%rdi,%zmm7,2),%zmm0{k1}", []Access{{Operand: 2, Kind: ld, Addr: AddrVSIB, Cond: true, Elem: 4, Elems: 16, Size: 4}}},
		{"62f2fd4992047f", "vgatherdpd (%rdi,%ymm7,2),%zmm0{k1}", []Access{{Operand: 2, Kind: ld, Addr: AddrVSIB, Cond: true, Elem: 8, Elems: 8, Size: 8}}},
		{"c4e2712c03", "vmaskmovps (%rbx),%xmm1,%xmm0", []Access{{Operand: 2, Kind: ld, Cond: true, Elem: 4, Size: 16}}},
		{"660ff7c1", "maskmovdqu %xmm1,%xmm0", []Access{{Operand: 2, Kind: st, Addr: AddrRDI, Cond: true, Elem: 1, Size: 16}}},
		{"660f38f803", "movdir64b (%rbx),%rax", []Access{{Operand: 1, Kind: ld, Size: 64}, {Operand: 2, Kind: st, Addr: AddrReg, Size: 64}}},
		{"48a10000000000000000", "movabs 0,%rax", []Access{{Operand: 1, Kind: ld, Size: 8}}},
	} {
		_, in := mustDecode(t, tt.code)
		got := in.MemAccesses(nil)
		if fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s (%s):\n got %+v\nwant %+v", tt.text, tt.code, got, tt.want)
		}
	}
}

func TestLowEffects(t *testing.T) {
	for _, row := range []struct {
		code  string
		reads isa.RegSet
	}{
		{"\xf3\x0f\x6f\x02", GPR(2)},          // movdqu (%rdx), %xmm0
		{"\x66\x0f\xef\xc0", 0},               // pxor %xmm0, %xmm0
		{"\x66\x0f\xef\xc1", Vec(0) | Vec(1)}, // pxor %xmm1, %xmm0
		{"\x0f\x28\xc1", Vec(1)},              // movaps %xmm1, %xmm0
		{"\xf3\x0f\x10\xc1", Vec(0) | Vec(1)}, // movss %xmm1, %xmm0 keeps the rest
		{"\x0f\x11\x00", Vec(0) | GPR(0)},     // movups %xmm0, (%rax)
	} {
		var in Inst
		if err := Decode([]byte(row.code), &in); err != nil {
			t.Fatal(err)
		}
		if e := in.LowEffects(); e.Reads != row.reads {
			t.Errorf("%x reads %#x, want %#x", row.code, e.Reads, row.reads)
		}
	}
}
