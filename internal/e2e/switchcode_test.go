package e2e

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	regs "gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/isa/amd64/synth"
)

// Addresses and layout of testdata/guest/switch/run.c. The areas hold all registers and some memory, before and after a case:
// general registers, flags, mask registers, vectors of 64 bytes, an fxsave area, a stack frame, and memory to work on.
const (
	switchCode = 0x30000000
	switchIn   = 0x31000000
	switchOut  = 0x31010000
	switchArea = 4096

	atGPR   = 0
	atFlags = 128
	atMask  = 136
	atVec   = 256
	atX87   = 2304
	atFrame = 2816
	atMem   = 3072

	frameSize = 256
	memSize   = 1024
	memBase   = switchIn + atMem + memSize/2 // what rbp holds
)

// Registers that cases do not touch: rsp, rbp is the memory's middle, r13 counts a loop, r14 is a small index.
const switchOwn = isa.RegSet(1<<regs.RSP | 1<<regs.RBP | 1<<regs.R13 | 1<<regs.R14)

// switchLeftOut are instructions whose results differ from run to run or with the place of the stack, that enter the kernel, change
// modes, fault for most operands, or reach memory that is not the case's.
var switchLeftOut = func() map[string]bool {
	m := make(map[string]bool)
	for _, n := range strings.Fields(`RDTSC RDTSCP RDPMC RDPRU RDPID RDRAND RDSEED CPUID XGETBV SYSCALL SYSENTER INT INT3 INT1 VMCALL VMMCALL
		VMFUNC LFS LGS LSS WRFSBASE WRGSBASE RDFSBASE RDGSBASE WRPKRU RDPKRU ENQCMD ENQCMDS XBEGIN XEND XABORT XTEST UMWAIT TPAUSE UMONITOR
		MWAITX MONITORX MWAIT MONITOR HLT SGDT SIDT SLDT SMSW STR LSL LAR VERR VERW XRSTORS XRSTORS64 XRSTOR XRSTOR64 XSAVE XSAVE64 XSAVEC
		XSAVEC64 XSAVEOPT XSAVEOPT64 XSAVES XSAVES64 FXRSTOR FXRSTOR64 FXSAVE FXSAVE64 FLDENV FRSTOR POPF POPFQ PUSHF PUSHFQ LDMXCSR VLDMXCSR
		FLDCW DIV IDIV STD CLI STI UD0 UD1 UD2 BOUND RDSSPD RDSSPQ INCSSPD INCSSPQ CLUI STUI TESTUI UIRET SENDUIPI LLWPCB SLWPCB LWPINS
		LWPVAL`) {
		m[n] = true
	}
	return m
}()

// switchCommon are what compilers make most code of, and what carries undefined bits around.
var switchCommon = func() map[string]bool {
	m := make(map[string]bool)
	for _, n := range strings.Fields(`MOV MOVZX MOVSX MOVSXD LEA ADD SUB AND OR XOR CMP TEST SHL SHR SAR NEG NOT INC DEC XCHG BSWAP XADD
		CMPXCHG IMUL ADC SBB MOVUPS MOVAPS MOVDQU MOVDQA MOVD MOVQ MOVSS MOVSD MOVLPS MOVHPS MOVHLPS PXOR XORPS POR PAND PANDN PSHUFD
		PUNPCKLQDQ PUNPCKLBW PADDD PCMPEQB PMOVMSKB SHUFPS VMOVUPS VMOVDQU VMOVDQA VPXOR VPOR VPAND VMOVD VMOVQ VINSERTI128 VEXTRACTI128
		VMOVDQU64 VMOVDQU8 VPCMPEQB VPMOVMSKB KMOVQ KMOVD KORTESTQ VPBROADCASTB VZEROUPPER CMOVE CMOVNE CMOVL CMOVB SETE SETNE SETL SETB
		CDQE CDQ CQO CWDE`) {
		m[n] = true
	}
	return m
}()

// vectorKind is which vector instructions a case has: SSE code takes what lies above the low 128 bits of vector registers for
// defined (DESIGN.md, "Why three versions of code?"), so they are not mixed with others.
type vectorKind int

const (
	onlySSE vectorKind = iota
	onlyVEX
	onlyEVEX // and VEX
	vectorKinds
)

// switchForms are the forms of instructions that cases of a kind are made of.
type switchForms struct{ common, all []*synth.Form }

var switchFormsOf = sync.OnceValue(func() (f [vectorKinds]switchForms) {
	for _, fm := range synth.Forms() {
		r := fm.Row
		if switchLeftOut[r.Name()] || r.Attr&(amd64.ARing0|amd64.AVsibX|amd64.AVsibY|amd64.AVsibZ|amd64.AState) != 0 || r.Sem == isa.Priv ||
			r.Cf != amd64.CfNone {
			continue
		}
		for k := range vectorKinds {
			f[k].all = append(f[k].all, fm)
			if switchCommon[r.Name()] {
				f[k].common = append(f[k].common, fm)
			}
		}
	}
	return f
})

// A piece is a part of a case that can be left out. Its code is at any place the same but for jumps, which go to the piece with
// the number to, or to what is left behind it.
type piece struct {
	id   int
	code []byte
	text string
	to   int // 0 for none
	at   int // offset of the jump's 4-byte displacement
	sub  []*piece
}

// maker makes the pieces of one case.
type maker struct {
	rng    *rand.Rand
	kind   vectorKind
	forms  switchForms
	in     amd64.Inst
	acc    []amd64.Access
	nextID int
	deep   bool // inside a function of the case
}

func (m *maker) piece(text string, code ...byte) *piece {
	m.nextID++
	return &piece{id: m.nextID, code: code, text: text}
}

// instruction makes a random one.
func (m *maker) instruction() *piece {
	for {
		list := m.forms.all
		if m.rng.IntN(5) > 0 {
			list = m.forms.common
		}
		if p := m.form(list[m.rng.IntN(len(list))], 1); p != nil {
			return p
		}
	}
}

// form makes an instruction of form fm; nil when so many tries did not.
func (m *maker) form(fm *synth.Form, tries int) *piece {
	for range tries {
		if code := m.placed(fm.Random(m.rng, &m.in)); code != nil && m.usable() {
			return m.piece(m.in.Text(0), code...)
		}
	}
	return nil
}

// placed puts the memory operand of code, decoded to in, where it may be; nil when that is not possible.
func (m *maker) placed(code []byte) []byte {
	in := &m.in
	if code == nil || !in.HasMem {
		return code
	}
	if in.Row.Imm == amd64.IO || in.ASize != 8 || in.Seg >= amd64.SegFS {
		return nil
	}
	code = slices.Clone(code)
	if in.Base != regs.RBP && (in.Base != regs.RSP || m.deep) { // a function finds its return address there
		return nil
	}
	if in.Index != amd64.NoReg && in.Index != regs.R14 {
		return nil
	}
	if in.DispLen == 4 {
		d := m.rng.IntN(64)
		switch m.rng.IntN(4) {
		case 0:
			d = m.rng.IntN(memSize/2) - memSize/4
		case 1:
			d &^= 7
		}
		if in.Base == regs.RSP {
			d = m.rng.IntN(frameSize - 64)
		}
		if in.Row.Attr&amd64.AAlign != 0 {
			d &^= 63
		}
		binary.LittleEndian.PutUint32(code[in.DispOff:], uint32(int32(d)))
		if amd64.Decode(code, in) != nil {
			return nil
		}
	}
	lo, hi := int64(-memSize/2), int64(memSize/2)
	if in.Base == regs.RSP {
		lo, hi = 0, frameSize
	}
	const index = 16 * 8 // r14 is below 16
	if in.Disp < lo || in.Disp+64+index > hi {
		return nil
	}
	return code
}

func (m *maker) usable() bool {
	in := &m.in
	if in.Class() == isa.Lea && in.HasMem && in.Base == regs.RSP || in.HasMem && in.Base == amd64.RIP || in.ASize != 8 {
		return false
	}
	e := in.Effects()
	if (e.Reads|e.Writes)&(amd64.SetX87|amd64.SetSys) != 0 || e.Writes&switchOwn != 0 {
		return false
	}
	if e.Reads&^e.Writes&(1<<regs.RSP) != 0 && !(in.HasMem && in.Base == regs.RSP) {
		return false
	}
	vector := (e.Reads|e.Writes)&(amd64.SetVec|amd64.SetMask) != 0
	switch m.kind {
	case onlySSE:
		if in.Space != amd64.SpLegacy {
			if vector {
				return false
			}
		}
	case onlyVEX:
		if vector && in.Space != amd64.SpVEX || (e.Reads|e.Writes)&amd64.SetMask != 0 {
			return false
		}
	default:
		if vector && in.Space != amd64.SpVEX && in.Space != amd64.SpEVEX {
			return false
		}
	}
	if in.Pfx&amd64.PfxLock != 0 && !in.HasMem {
		return false
	}
	m.acc = in.MemAccesses(m.acc)
	for i := range m.acc {
		a := &m.acc[i]
		if a.Addr != amd64.AddrModRM || a.Outside || a.Size == 0 || a.Size > 64 {
			return false
		}
		// The stack pointer may be anywhere in a line.
		if in.Base == regs.RSP && in.Row.Attr&amd64.AAlign != 0 {
			return false
		}
	}
	// Operands that are the stack pointer itself.
	var buf [8]amd64.Operand
	for _, o := range in.Operands(buf[:0]) {
		if o.Kind == amd64.OpReg && o.Class == amd64.CGPR && o.Num&15 == regs.RSP && o.Num < 16 {
			return false
		}
	}
	return true
}

// block makes n pieces.
func (m *maker) block(n int) (list []*piece) {
	for len(list) < n {
		switch u := m.rng.IntN(100); {
		case u < 70:
			list = append(list, m.instruction())
		case u < 80:
			list = append(list, m.jump(2+m.rng.IntN(4))...)
		case u < 83:
			list = append(list, m.indirect())
			list = append(list, m.instruction())
		case u < 88:
			list = append(list, m.pushPop())
		case u < 92:
			list = append(list, m.stringOp())
		case u < 94:
			list = append(list, m.bitField()...)
		case u < 95:
			list = append(list, m.piece("sched_yield", 0xb8, 24, 0, 0, 0, 0x0f, 0x05))
		case u < 96 && m.deep:
		case u < 98 && !m.deep:
			list = append(list, m.function())
		default:
			list = append(list, m.divide())
		}
	}
	return list
}

// jump makes a conditional jump over some instructions; now and then behind something that sets flags.
func (m *maker) jump(over int) []*piece {
	cc := byte(m.rng.IntN(16))
	p := m.piece(fmt.Sprintf("jcc%x", cc), 0x0f, 0x80|cc, 0, 0, 0, 0)
	p.at = 2
	list := []*piece{p}
	for range over {
		list = append(list, m.instruction())
	}
	p.to = m.nextID + 1
	return list
}

// indirect jumps behind the next piece: lea x(%rip), %r11; jmp *%r11.
func (m *maker) indirect() *piece {
	p := m.piece("jmp *r11", 0x4c, 0x8d, 0x1d, 0, 0, 0, 0, 0x41, 0xff, 0xe3)
	p.at, p.to = 3, m.nextID+2
	return p
}

// gpr is a register that cases may change.
func (m *maker) gpr() byte {
	for {
		if r := byte(m.rng.IntN(16)); !switchOwn.Has(amd64.GPR(r)) {
			return r
		}
	}
}

func (m *maker) pushPop() *piece {
	a, b := m.gpr(), m.gpr()
	code := []byte{0x40 | a>>3, 0x50 | a&7}
	text := fmt.Sprintf("push r%d", a)
	if m.rng.IntN(2) == 0 {
		x := m.instruction()
		code = append(code, x.code...)
		text += "; " + x.text
	}
	code = append(code, 0x40|b>>3, 0x58|b&7)
	return m.piece(fmt.Sprintf("%s; pop r%d", text, b), code...)
}

// stringOp repeats a string instruction: lea rdi; lea rsi; mov ecx; rep ...
func (m *maker) stringOp() *piece {
	lea := func(reg byte) []byte { // lea disp32(%rbp), reg
		return binary.LittleEndian.AppendUint32([]byte{0x48, 0x8d, 0x85 | reg<<3}, uint32(int32(m.rng.IntN(256)-128)))
	}
	ops := []struct {
		code []byte
		text string
	}{
		{[]byte{0xf3, 0xa4}, "rep movsb"}, {[]byte{0xf3, 0x48, 0xa5}, "rep movsq"}, {[]byte{0xf3, 0xaa}, "rep stosb"},
		{[]byte{0xf3, 0xab}, "rep stosd"}, {[]byte{0xa5}, "movsd"}, {[]byte{0xac}, "lodsb"}, {[]byte{0x48, 0xad}, "lodsq"}, {[]byte{0xf3, 0xa6}, "repe cmpsb"},
		{[]byte{0xf2, 0xae}, "repne scasb"}, {[]byte{0xaa}, "stosb"},
	}
	op := ops[m.rng.IntN(len(ops))]
	code := slices.Concat(lea(7), lea(6), []byte{0xb9, byte(m.rng.IntN(20)), 0, 0, 0}, op.code)
	return m.piece(op.text, code...)
}

// bitField makes what compilers make of the store of a bit field: old ^ (old ^ new) & mask.
func (m *maker) bitField() []*piece {
	a, b := m.gpr(), m.gpr()
	for a == b {
		b = m.gpr()
	}
	xor := func(text string) *piece { // xor %b, %a
		return m.piece(fmt.Sprintf("%s xor r%d, r%d", text, b, a), 0x48|b>>3<<2|a>>3, 0x31, 0xc0|b&7<<3|a&7)
	}
	list := []*piece{xor("merge")}
	list = append(list, m.piece(fmt.Sprintf("and r%d, imm", a), append([]byte{0x48 | a>>3, 0x81, 0xe0 | a&7}, byte(m.rng.Uint32()), byte(m.rng.Uint32()), 0, 0)...))
	if m.rng.IntN(2) == 0 {
		list = append(list, m.instruction())
	}
	return append(list, xor("merge"))
}

// divide divides what cannot overflow: xor edx, edx; mov ecx, imm; div ecx.
func (m *maker) divide() *piece {
	code := binary.LittleEndian.AppendUint32([]byte{0x31, 0xd2, 0xb9}, m.rng.Uint32()|1)
	return m.piece("div ecx", append(code, 0xf7, 0xf1)...)
}

// function makes a call of a function that keeps to the calling convention: what it does not get as an argument it does not read,
// and what a call may change is not read behind it.
func (m *maker) function() *piece {
	p := m.piece("call", 0xe8, 0, 0, 0, 0)
	p.at = 1
	m.deep = true
	p.sub = m.block(3 + m.rng.IntN(6))
	m.deep = false
	return p
}

// loop makes pieces that run several times; "ja" ends it at 0 too, so that any part of it may be left out.
func (m *maker) loop(n int) []*piece {
	begin := m.piece("loop", 0x41, 0xbd, byte(2+m.rng.IntN(6)), 0, 0, 0)
	body := m.block(n)
	end := m.piece("end of loop", 0x41, 0x83, 0xed, 1, 0x0f, 0x87, 0, 0, 0, 0)
	end.at, end.to = 6, begin.id+1
	return slices.Concat([]*piece{begin}, body, []*piece{end})
}
