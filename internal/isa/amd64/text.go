package amd64

import (
	"strconv"
	"strings"

	"gogrind/internal/isa"
)

// Text is the instruction in Intel's syntax as binutils print it, for traces. pc is its address; branch targets and
// RIP-relative addresses are computed from it. Rare forms are approximate.
func (in *Inst) Text(pc uint64) string {
	var b strings.Builder
	if in.Pfx&PfxLock != 0 {
		b.WriteString("lock ")
	}
	b.WriteString(in.mnemonic())
	sep := byte(' ')
	dest, lastReg := uint16(0), 0
	mask := ""
	if in.Space == SpEVEX && in.AAA != 0 {
		mask = "{k" + strconv.Itoa(int(in.AAA)) + "}"
		if in.Z {
			mask += "{z}"
		}
	}
	var buf [16]Operand
	for _, o := range in.Operands(buf[:0]) {
		if o.Loc == LKM || !in.shown(&o) {
			continue
		}
		if dest == 0 && o.Kind <= OpMem {
			dest = o.Width
		}
		b.WriteByte(sep)
		sep = ','
		switch o.Kind {
		case OpReg:
			b.WriteString(regName(&o))
		case OpMem:
			in.memText(&b, &o, pc)
		case OpImpl:
			in.implicitText(&b, &o)
		case OpRel:
			writeHex(&b, pc+uint64(in.Len)+uint64(in.Imm))
		case OpImm:
			v := in.Imm
			switch o.Loc {
			case LI1:
				b.WriteByte('1')
				continue
			case LI2b:
				v = in.Imm2
			case LIb:
				v &= 0xff
			case LIw:
				v &= 0xffff
			}
			if dest != 0 && dest < 8 && o.Loc != LIb {
				v &= 1<<(8*dest) - 1
			}
			writeHex(&b, uint64(v))
		}
		b.WriteString(mask)
		mask = ""
		if o.Kind == OpReg {
			lastReg = b.Len()
		}
	}
	s := b.String()
	if in.Space == SpEVEX && in.B && !in.HasMem {
		mode := "{sae}"
		if in.Row.Attr&AEr != 0 {
			mode = [...]string{"{rn-sae}", "{rd-sae}", "{ru-sae}", "{rz-sae}"}[in.Rounding]
		}
		s = s[:lastReg] + mode + s[lastReg:]
	}
	return s
}

// shown reports whether an operand is written out: explicit ones, and those implicit ones that assemblers want.
func (in *Inst) shown(o *Operand) bool {
	if !o.Sup {
		return true
	}
	switch in.Row.Sem {
	case isa.StrMovs, isa.StrCmps:
		return o.Kind == OpImpl || o.Loc == LFix && o.Num == 0
	case isa.Copy, isa.AluAdd, isa.AluAdc, isa.AluAnd, isa.AluOr, isa.AluXor, isa.AluCmp, isa.AluTest, isa.Xchg:
		return o.Loc == LFix && o.Class == CGPR && in.Row.Ext == ExtBase
	case isa.Priv: // in, out, ins, outs
		return in.Space == SpLegacy && in.Map == 0 && (o.Kind == OpImpl || o.Loc == LFix && o.Num != 1)
	case isa.Shift, isa.Rot, isa.VBlendv:
		return o.Loc == LFix && (o.Class == CGPR || o.Class == CVec)
	case isa.VCrypto: // sha256rnds2
		return o.Loc == LFix && in.Row.NOps == 3
	case isa.X87Arith:
		return o.Class == CST && in.ModRM >= 0xc0 && !in.unaryX87()
	case isa.X87Mov: // fcmov
		return o.Class == CST && o.Acc&AccCond != 0
	case isa.X87Cmp: // fcomi
		return o.Class == CST && in.Flags().Write&1 != 0
	case isa.X87Cw: // fnstsw ax
		return o.Class == CGPR
	case isa.Stack:
		return o.Class == CMisc
	}
	return false
}

// unaryX87 recognises the x87 instructions on st(0) and st(1) alone, which have no written operands.
func (in *Inst) unaryX87() bool {
	for _, d := range in.Row.operands() {
		if d.Loc == LSTi {
			return false
		}
	}
	return true
}

// conditions are the names that binutils have for the tables' condition codes, where they differ.
var conditions = map[string]string{"Z": "e", "NZ": "ne", "NB": "ae", "NBE": "a", "NL": "ge", "NLE": "g"}

// mnemonics are other names that differ.
var mnemonics = map[string]string{"CALL_NEAR": "call", "RET_NEAR": "ret", "CALL_FAR": "call", "JMP_FAR": "jmp",
	"RET_FAR": "retf", "MOVSD_XMM": "movsd", "CMPSD_XMM": "cmpsd", "PEXTRW_SSE4": "pextrw", "MOV_CR": "mov",
	"MOV_DR": "mov", "BEXTR_XOP": "bextr", "PREFETCH_EXCLUSIVE": "prefetch", "PREFETCH_RESERVED": "prefetch",
	"PCMPESTRM64": "pcmpestrm", "PCMPESTRI64": "pcmpestri", "PCMPISTRI64": "pcmpistri", "VPCMPESTRM64": "vpcmpestrm",
	"VPCMPESTRI64": "vpcmpestri", "VPCMPISTRI64": "vpcmpistri", "PUSHFQ": "pushf", "POPFQ": "popf",
	"IRETD": "iret", "SYSRET64": "sysretq"}

func (in *Inst) mnemonic() string {
	m := in.Mnem()
	if s, ok := mnemonics[m]; ok {
		return s
	}
	if m == "MOV" && (in.ImmLen == 8 || in.Row.Imm == IO) {
		return "movabs"
	}
	switch in.Row.Sem {
	case isa.CtlJcc, isa.Setcc, isa.Cmov:
		for _, p := range []string{"J", "SET", "CMOV"} {
			if c, ok := strings.CutPrefix(m, p); ok && conditions[c] != "" {
				return strings.ToLower(p) + conditions[c]
			}
		}
	case isa.StrMovs, isa.StrCmps:
		return stringMnemonic(m)
	case isa.Priv:
		if strings.HasPrefix(m, "REP_") || in.Space == SpLegacy && in.Map == 0 && in.Op&0xfc == 0x6c {
			return stringMnemonic(m)
		}
	}
	return strings.ToLower(m)
}

// stringMnemonic turns REPNE_SCASB into "repnz scas".
func stringMnemonic(m string) string {
	p, s, ok := strings.Cut(m, "_")
	if !ok {
		p, s = "", m
	}
	return map[string]string{"": "", "REP": "rep ", "REPE": "repz ", "REPNE": "repnz "}[p] + strings.ToLower(s[:len(s)-1])
}

var names64 = strings.Fields("rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 rip")
var names32 = strings.Fields("eax ecx edx ebx esp ebp esi edi r8d r9d r10d r11d r12d r13d r14d r15d eip")
var names16 = strings.Fields("ax cx dx bx sp bp si di r8w r9w r10w r11w r12w r13w r14w r15w")
var names8 = strings.Fields("al cl dl bl spl bpl sil dil r8b r9b r10b r11b r12b r13b r14b r15b")
var namesHigh = strings.Fields("ah ch dh bh")
var namesSeg = strings.Fields("es cs ss ds fs gs")

// regName is the name of a register operand.
func regName(o *Operand) string {
	n := strconv.Itoa(int(o.Num))
	switch o.Class {
	case CGPR:
		switch o.Width {
		case 1:
			return names8[o.Num]
		case 2:
			return names16[o.Num]
		case 4:
			return names32[o.Num]
		}
		return names64[o.Num]
	case CGPRH:
		return namesHigh[o.Num-4]
	case CVec:
		switch o.Width {
		case 32:
			return "ymm" + n
		case 64:
			return "zmm" + n
		}
		return "xmm" + n
	case CK:
		return "k" + n
	case CMMX:
		return "mm" + n
	case CST:
		if o.Sup {
			return "st"
		}
		return "st(" + n + ")"
	case CSeg:
		return namesSeg[o.Num%6]
	case CCR:
		return "cr" + n
	case CDR:
		return "dr" + n
	case CMisc:
		switch o.Num {
		case MiscFS:
			return "fs"
		case MiscGS:
			return "gs"
		}
	}
	return "?"
}

var sizeNames = map[uint16]string{1: "BYTE", 2: "WORD", 4: "DWORD", 6: "FWORD", 8: "QWORD", 10: "TBYTE", 16: "XMMWORD",
	32: "YMMWORD", 64: "ZMMWORD"}

// memText writes the ModRM operand.
func (in *Inst) memText(b *strings.Builder, o *Operand, pc uint64) {
	if s := sizeNames[o.Width]; s != "" && o.Loc != LA && in.Row.Attr&APrefetch == 0 {
		b.WriteString(s)
		if in.Space == SpEVEX && in.B {
			b.WriteString(" BCST ")
		} else {
			b.WriteString(" PTR ")
		}
	}
	if in.Seg >= SegFS {
		b.WriteString(namesSeg[in.Seg-1])
		b.WriteByte(':')
	}
	b.WriteByte('[')
	names := names64
	if in.ASize == 4 {
		names = names32
	}
	plus := ""
	if in.Base != NoReg && in.Base != RIP {
		b.WriteString(names[in.Base])
		plus = "+"
	}
	if in.Index != NoReg {
		b.WriteString(plus)
		plus = "+"
		if in.Row.Attr&AVsibX != 0 {
			b.WriteString(regName(&Operand{Class: CVec, Num: in.Index, Width: in.indexWidth(uint8(o.Width))}))
		} else {
			b.WriteString(names[in.Index])
		}
		b.WriteByte('*')
		b.WriteByte('0' + in.Scale)
	}
	switch {
	case in.Base == RIP:
		writeHex(b, pc+uint64(in.Len)+uint64(in.Disp))
	case plus == "":
		writeHex(b, uint64(in.Disp))
	case in.Disp < 0:
		b.WriteByte('-')
		writeHex(b, uint64(-in.Disp))
	case in.Disp > 0:
		b.WriteByte('+')
		writeHex(b, uint64(in.Disp))
	}
	b.WriteByte(']')
}

// indexWidth is the size of VSIB's vector of indices for elements of the given size.
func (in *Inst) indexWidth(elem uint8) uint16 {
	w := uint16(in.vsibElems(elem)) * 4
	if in.Op&1 != 0 {
		w *= 2
	}
	return w
}

// implicitText writes an operand of a string instruction.
func (in *Inst) implicitText(b *strings.Builder, o *Operand) {
	b.WriteString(sizeNames[o.Width])
	b.WriteString(" PTR ")
	names := names64
	if in.ASize == 4 {
		names = names32
	}
	reg, seg := names[7], "es"
	if o.Base == ImRSI {
		reg, seg = names[6], "ds"
		if in.Seg >= SegFS {
			seg = namesSeg[in.Seg-1]
		}
	}
	b.WriteString(seg + ":[" + reg + "]")
}

func writeHex(b *strings.Builder, v uint64) {
	b.WriteString("0x")
	b.WriteString(strconv.FormatUint(v, 16))
}
