package vbits

import (
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// flat has registers and a page of memory at flatBase, all values and V bits in arrays.
type flat struct {
	regs  guest.Regs
	vec   [32][8]uint64
	mask  [8]uint64
	tags  uint8
	mem   [4096]byte
	vbits [4096]byte
	// component has offsets of XSAVE's state components
	component [8]int
}

const flatBase = 0x10000

func (f *flat) Regs() *guest.Regs                       { return &f.regs }
func (f *flat) Vec(n uint8, v *[8]uint64)               { *v = f.vec[n] }
func (f *flat) Mask(n uint8) uint64                     { return f.mask[n] }
func (f *flat) ST(n uint8, v *[2]uint64)                { *v = [2]uint64{} }
func (f *flat) FPSW() uint16                            { return 0 }
func (f *flat) FPCW() uint16                            { return 0x37f }
func (f *flat) FPTW() uint8                             { return f.tags }
func (f *flat) Component(i int) int                     { return f.component[i] }
func (f *flat) Load(p []byte, a guest.Addr)             { copy(p, f.mem[a-flatBase:]) }
func (f *flat) LoadV(p []byte, a guest.Addr)            { copy(p, f.vbits[a-flatBase:]) }
func (f *flat) StoreV(p []byte, a guest.Addr, _ uint32) { copy(f.vbits[a-flatBase:], p) }
func (f *flat) Origin(guest.Addr, int) uint32           { return 1 }

// TestVectorIdioms has what compilers and string functions rely on: the lowest quadwords of xmm0 and xmm1 with their V bits, k1 and
// its V bits, and what becomes of V bits of xmm0, ecx, k0 and the flags.
func TestVectorIdioms(t *testing.T) {
	const u = ^uint64(0)
	for _, c := range []struct {
		name           string
		code           []byte
		x0, v0, x1, v1 uint64
		k1, vk1        uint64
		vec, ecx, k0   uint64
		flags          uint64
	}{
		{name: "pxor xmm0,xmm0", code: []byte{0x66, 0x0f, 0xef, 0xc0}, v0: u},
		{name: "pcmpeqd xmm0,xmm0", code: []byte{0x66, 0x0f, 0x76, 0xc0}, v0: u},
		{name: "psubb xmm0,xmm0", code: []byte{0x66, 0x0f, 0xf8, 0xc0}, v0: u},
		{name: "pcmpgtb xmm0,xmm0", code: []byte{0x66, 0x0f, 0x64, 0xc0}, v0: u},
		{name: "vpternlogd xmm0,xmm0,xmm0,0xff", code: []byte{0x62, 0xf3, 0x7d, 0x08, 0x25, 0xc0, 0xff}, v0: u},
		{name: "pcmpeqb: a defined bit differs", code: []byte{0x66, 0x0f, 0x74, 0xc1},
			x0: 0x0102, v0: 0x0ff0, x1: 0x1103, vec: 0},
		{name: "pcmpeqb: equal as far as defined", code: []byte{0x66, 0x0f, 0x74, 0xc1}, v0: 0x0100, vec: 0xff00},
		{name: "pcmpgtb: 64 or more is greater than 5", code: []byte{0x66, 0x0f, 0x64, 0xc1}, x0: 0x40, v0: 0x3f, x1: 5},
		{name: "pcmpgtb: 0-63 may be greater than 5", code: []byte{0x66, 0x0f, 0x64, 0xc1}, v0: 0x3f, x1: 5, vec: 0xff},
		{name: "pand: a defined 0 decides", code: []byte{0x66, 0x0f, 0xdb, 0xc1}, v0: 0xff, x1: 0x0f, vec: 0x0f},
		{name: "pandn: a defined 1 decides", code: []byte{0x66, 0x0f, 0xdf, 0xc1}, x0: 0xf0, x1: 0xff, v1: 0xff, vec: u &^ 0xf0 & 0xff},
		{name: "por: a defined 1 decides", code: []byte{0x66, 0x0f, 0xeb, 0xc1}, v0: 0xff, x1: 0x0f, vec: 0xf0},
		{name: "paddb: carries end with the element", code: []byte{0x66, 0x0f, 0xfc, 0xc1}, x0: 0xff, v0: 0x01, x1: 0x01, vec: 0xff},
		{name: "paddb: no carry", code: []byte{0x66, 0x0f, 0xfc, 0xc1}, v0: 0x01, x1: 0x10, vec: 0x01},
		{name: "pminub: the smaller is defined", code: []byte{0x66, 0x0f, 0xda, 0xc1}, x0: 0x80, v0: 0x7f, x1: 1},
		{name: "pminub: zero and an undefined byte", code: []byte{0x66, 0x0f, 0xda, 0xc1}, v0: 0xff},
		{name: "paddusb: saturated", code: []byte{0x66, 0x0f, 0xdc, 0xc1}, x0: 0x80, v0: 0x0f, x1: 0xff},
		{name: "pshufb: zero by bit 7", code: []byte{0x66, 0x0f, 0x38, 0x00, 0xc1}, v0: u &^ 0xff, x1: 0x8080808080808080, v1: 0xf},
		{name: "pshufb: moves V bits", code: []byte{0x66, 0x0f, 0x38, 0x00, 0xc1}, v0: 0x0f00, x1: 0x8080808080808001, vec: 0x0f},
		{name: "packuswb: after a mask nothing saturates", code: []byte{0x66, 0x0f, 0x67, 0xc1}, v0: 0x000f, vec: 0x0f},
		{name: "psrldq: zeros come in", code: []byte{0x66, 0x0f, 0x73, 0xd8, 0x07}, v0: u, vec: 0xff},
		{name: "psrlw: by a count of 8", code: []byte{0x66, 0x0f, 0xd1, 0xc1}, v0: 0xff000f, x1: 8, vec: 0},
		{name: "psraw: V bits of the sign spread", code: []byte{0x66, 0x0f, 0x71, 0xe0, 0x04}, v0: 0x8000, vec: 0xf800},
		{name: "pmaddwd: a zero factor", code: []byte{0x66, 0x0f, 0xf5, 0xc1}, v0: 0xffff, x1: 0x10000},
		{name: "pmovmskb ecx,xmm1", code: []byte{0x66, 0x0f, 0xd7, 0xc9}, v1: 0x80007f0000000080, ecx: 0x81},
		{name: "ptest xmm0,xmm1: a defined 1 decides ZF", code: []byte{0x66, 0x0f, 0x38, 0x17, 0xc1}, x0: 1, v0: 2, x1: 3, flags: flagC},
		{name: "ptest xmm0,xmm1", code: []byte{0x66, 0x0f, 0x38, 0x17, 0xc1}, x0: 1, v0: 2, x1: 2, flags: flagZ | flagC},
		{name: "ucomisd xmm0,xmm1", code: []byte{0x66, 0x0f, 0x2e, 0xc1}, v1: 1, flags: flagZ | flagC | flagP},
		{name: "vpcmpeqb k0{k1},xmm0,xmm1: masked", code: []byte{0x62, 0xf1, 0x7d, 0x09, 0x74, 0xc1}, v0: 0xffffff, k1: 5, k0: 5},
		{name: "vpcmpeqb k0{k1},xmm0,xmm1: under an undefined mask", code: []byte{0x62, 0xf1, 0x7d, 0x09, 0x74, 0xc1}, x0: 0xffff, vk1: 7, k0: 4},
		{name: "kortestd k1,k1", code: []byte{0xc4, 0xe1, 0xf9, 0x98, 0xc9}, k1: 0x01, vk1: 0x02},
		{name: "kortestd k1,k1: all ones", code: []byte{0xc4, 0xe1, 0xf9, 0x98, 0xc9}, k1: 0xffffffff, vk1: 0x02, flags: flagC},
		{name: "kmovd ecx,k1", code: []byte{0xc5, 0xfb, 0x93, 0xc9}, vk1: u, ecx: 0xffffffff},
		{name: "vmovdqu8 xmm0{k1}{z},xmm1", code: []byte{0x62, 0xf1, 0x7f, 0x89, 0x6f, 0xc1}, v0: u, v1: u, k1: 0x0d, vec: 0xffff00ff},
		{name: "vmovdqu8 xmm0{k1},xmm1", code: []byte{0x62, 0xf1, 0x7f, 0x09, 0x6f, 0xc1}, v0: 0xff, v1: u, k1: 0x0e, vec: 0xffffffff},
		{name: "vpminub xmm0{k1}{z},xmm0,xmm1: zero in any case", code: []byte{0x62, 0xf1, 0x7d, 0x89, 0xda, 0xc1}, v0: 0xff, x1: 0x100, k1: 3,
			vk1: 3, vec: 0},
		{name: "vpminub xmm0{k1}{z},xmm0,xmm1: one or zero", code: []byte{0x62, 0xf1, 0x7d, 0x89, 0xda, 0xc1}, x0: 1, x1: 1, vk1: 1, vec: 1},
		{name: "addsd xmm0,xmm1", code: []byte{0xf2, 0x0f, 0x58, 0xc1}, v1: 1, vec: u},
		{name: "addss xmm0,xmm1: the lowest element", code: []byte{0xf3, 0x0f, 0x58, 0xc1}, v0: 1 << 40, v1: 1<<63 | 1, vec: 1<<40 | 0xffffffff},
	} {
		in := new(amd64.Inst)
		if err := amd64.Decode(c.code, in); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		f, m := &flat{}, new(Machine)
		f.vec[0][0], f.vec[1][0], f.mask[1] = c.x0, c.x1, c.k1
		m.File.Vec[0][0], m.File.Vec[1][0], m.File.Mask[1] = c.v0, c.v1, c.vk1
		m.Step(in, f, f)
		m.Commit()
		if in.Effects().Writes.Has(amd64.Vec(0)) && m.File.Vec[0] != ([8]uint64{c.vec}) {
			t.Errorf("%s: xmm0 %#x, want %#x", c.name, m.File.Vec[0], c.vec)
		}
		if m.File.GPR[guest.RCX] != c.ecx || m.File.Mask[0] != c.k0 || m.File.Flags&StatusFlags != c.flags {
			t.Errorf("%s: ecx %#x k0 %#x flags %#x, want %#x %#x %#x", c.name, m.File.GPR[guest.RCX], m.File.Mask[0], m.File.Flags,
				c.ecx, c.k0, c.flags)
		}
	}
}

// TestMaskedMemory: elements that are masked off are neither read nor written.
func TestMaskedMemory(t *testing.T) {
	f, m := &flat{}, new(Machine)
	f.regs.GPR[guest.RAX] = flatBase + 4096 - 4 // the other elements lie behind the page: reading them panics
	f.mask[1] = 0xf
	for i := range 4 {
		f.vbits[4096-4+i] = byte(i)
	}
	in := new(amd64.Inst)
	step := func(code ...byte) {
		t.Helper()
		if err := amd64.Decode(code, in); err != nil {
			t.Fatal(err)
		}
		m.Step(in, exactEnd{f}, exactEnd{f})
		m.Commit()
	}
	step(0x62, 0xf1, 0x7f, 0x89, 0x6f, 0x00) // vmovdqu8 xmm0{k1}{z},[rax]
	if m.File.Vec[0] != ([8]uint64{0x03020100}) {
		t.Errorf("load: %#x", m.File.Vec[0])
	}
	m.File.Vec[0] = [8]uint64{0x0a0b0c0d0e0f0f0f}
	step(0x62, 0xf1, 0x7f, 0x09, 0x7f, 0x00) // vmovdqu8 [rax]{k1},xmm0
	if got := [4]byte(f.vbits[4092:]); got != [4]byte{0x0f, 0x0f, 0x0f, 0x0e} {
		t.Errorf("store: %x", got)
	}
}

// exactEnd panics for accesses beyond the page.
type exactEnd struct{ *flat }

func (e exactEnd) Load(p []byte, a guest.Addr)  { copy(p, e.mem[a-flatBase:][:len(p)]) }
func (e exactEnd) LoadV(p []byte, a guest.Addr) { copy(p, e.vbits[a-flatBase:][:len(p)]) }
func (e exactEnd) StoreV(p []byte, a guest.Addr, _ uint32) {
	copy(e.vbits[a-flatBase:][:len(p)], p)
}

// BenchmarkVectorStep is the cost of one instruction, with defined operands and with every fourth byte undefined.
func BenchmarkVectorStep(b *testing.B) {
	for _, c := range []struct {
		name string
		code []byte
	}{
		{"load 32", []byte{0xc5, 0xfe, 0x6f, 0x00}},
		{"store 32", []byte{0xc5, 0xfe, 0x7f, 0x00}},
		{"store 16", []byte{0x0f, 0x11, 0x00}},
		{"load 64", []byte{0x62, 0xe1, 0xfe, 0x48, 0x6f, 0x00}},
		{"vpcmpeqb ymm", []byte{0xc5, 0xfd, 0x74, 0x08}},
		{"vpcmpeqb k", []byte{0x62, 0xf1, 0x7d, 0x20, 0x74, 0x00}},
		{"vpmovmskb", []byte{0xc5, 0xfd, 0xd7, 0xc9}},
		{"kmovd", []byte{0xc5, 0xfb, 0x93, 0xc8}},
		{"pxor same", []byte{0x66, 0x0f, 0xef, 0xc0}},
		{"vpor", []byte{0xc5, 0xf5, 0xeb, 0xc2}},
		{"paddd", []byte{0x66, 0x0f, 0xfe, 0xc1}},
		{"pshufb", []byte{0x66, 0x0f, 0x38, 0x00, 0xc1}},
		{"addsd", []byte{0xf2, 0x0f, 0x58, 0x00}},
	} {
		in := new(amd64.Inst)
		if err := amd64.Decode(c.code, in); err != nil {
			b.Fatal(c.name, err)
		}
		for i, kind := range []string{"defined", "undefined"} {
			b.Run(c.name+"/"+kind, func(b *testing.B) {
				b.ReportAllocs()
				f, m := &flat{}, new(Machine)
				f.regs.GPR[guest.RAX] = flatBase + 64
				for n := range b.N {
					if i == 1 && n&63 == 0 {
						for j := range 4 {
							f.vbits[64+8*j], f.vbits[64+8*j+4] = 0xff, 0xff
							m.File.Vec[1][j], m.File.Vec[0][j] = 0xff000000ff, 0
						}
					}
					m.Step(in, f, f)
					m.Commit()
				}
			})
		}
	}
}

// TestCompactedState: XSAVEC leaves no room for components that the CPU lacks, though the mask asks for them, as the resolver of the
// dynamic linker does.
func TestCompactedState(t *testing.T) {
	f, m := &flat{}, new(Machine)
	f.component = [8]int{2: 576, 5: 832, 6: 896, 7: 1408}
	f.regs.GPR[guest.RDI] = flatBase
	f.regs.GPR[guest.RAX] = 0xee
	for i := range m.File.Vec {
		m.File.Vec[i] = [8]uint64{1, 2, 3, 4, 5, 6, 7, ^uint64(0)}
	}
	m.File.Mask[7] = ^uint64(0)
	in := new(amd64.Inst)
	if err := amd64.Decode([]byte{0x0f, 0xc7, 0x27}, in); err != nil { // xsavec [rdi]
		t.Fatal(err)
	}
	m.Step(in, f, f)
	m.Commit()
	const end = 576 + 256 + 64 + 512 + 1024
	last := 0
	for i, b := range f.vbits {
		if b != 0 {
			last = i
		}
	}
	if last != end-1 {
		t.Errorf("the area ends with byte %d, want %d", last, end-1)
	}
	before := m.File
	m.File = File{}
	f.mem[512], f.mem[520], f.mem[527] = 0xe6, 0xe6, 0x80
	if err := amd64.Decode([]byte{0x0f, 0xae, 0x2f}, in); err != nil { // xrstor [rdi]
		t.Fatal(err)
	}
	m.Step(in, f, f)
	m.Commit()
	if m.File.Vec != before.Vec || m.File.Mask != before.Mask {
		t.Errorf("restored %x %x, want %x %x", m.File.Vec, m.File.Mask, before.Vec, before.Mask)
	}
}

// TestGatherAddresses: an undefined index is a use if its element may be accessed.
func TestGatherAddresses(t *testing.T) {
	in := new(amd64.Inst)
	if err := amd64.Decode([]byte{0x62, 0xf2, 0x7d, 0x49, 0x90, 0x04, 0x08}, in); err != nil { // vpgatherdd zmm0{k1},[rax+zmm1]
		t.Fatal(err)
	}
	for _, c := range []struct {
		k1, vk1 uint64
		uses    int
		elem1   uint64 // V bits of element 1
	}{
		{k1: 0x2, uses: 0, elem1: 0x0f},
		{k1: 0x1, uses: 1, elem1: 0xff},
		{k1: 0xffff, uses: 1, elem1: 0x0f},
		{vk1: 0x1, uses: 1, elem1: 0xff},
		{vk1: 0x2, uses: 0, elem1: 0xff | 0x70<<8},
	} {
		f, m := &flat{}, new(Machine)
		f.regs.GPR[guest.RAX] = flatBase
		f.vec[1] = [8]uint64{8 << 32}
		f.mem[8+1] = 0x70 // differs from what the register holds
		f.vbits[8] = 0x0f
		f.mask[1], m.File.Mask[1] = c.k1, c.vk1
		m.File.Vec[1][0] = 1 // index 0
		m.File.Vec[0][0] = 0xff << 32
		m.Step(in, f, f)
		m.Commit()
		if len(m.Uses) != c.uses || m.File.Vec[0][0]>>32 != c.elem1 || m.File.Mask[1] != 0 {
			t.Errorf("k1 %#x, undefined %#x: uses %v, element 1 %#x, k1 after %#x; want %d uses, %#x", c.k1, c.vk1, m.Uses,
				m.File.Vec[0][0]>>32, m.File.Mask[1], c.uses, c.elem1)
		}
		for _, u := range m.Uses {
			if u.Kind != UseAddress {
				t.Errorf("use %v", u)
			}
		}
	}
}
