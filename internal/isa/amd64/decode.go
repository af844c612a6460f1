// Package amd64 knows the instructions of x86-64 in 64-bit mode: it decodes them, says what they do to registers, flags
// and memory, re-encodes them with other memory operands and prints them. All facts are in tables (*.tab, one line per
// opcode form; base.tab explains the notation), compiled into tables_gen.go.
//
// It executes nothing and does not know which extensions the CPU has: forms of all of them are decoded. AMX, APX and
// MVEX are undefined opcodes. Where vendors differ, it does as Intel says: 66 does not change the operand size of near
// branches. An Inst refers to static tables only; all functions may be used concurrently.
package amd64

import "errors"

// Errors of Decode.
var (
	// ErrTrunc: the code ends within the instruction, or the instruction would be longer than 15 bytes.
	ErrTrunc = errors.New("amd64: truncated instruction")
	// ErrBad: undefined opcode.
	ErrBad = errors.New("amd64: undefined opcode")
)

// maxLen is the architectural limit on the length of an instruction.
const maxLen = 15

// Classes of first bytes.
const (
	bOther = iota
	b0F
	bC4
	bC5
	b62
	bBad   // undefined in 64-bit mode
	bRex   // this and the following are prefixes
	bPfx66 //
	bPfx67
	bPfxF2
	bPfxF3
	bPfxF0
	bSeg
)

var byteClass = func() (t [256]uint8) {
	t[0x66], t[0x67], t[0xf2], t[0xf3], t[0xf0] = bPfx66, bPfx67, bPfxF2, bPfxF3, bPfxF0
	for _, b := range segPrefix[1:] {
		t[b] = bSeg
	}
	for b := 0x40; b < 0x50; b++ {
		t[b] = bRex
	}
	t[0x0f], t[0xc4], t[0xc5], t[0x62] = b0F, bC4, bC5, b62
	for _, b := range []int{0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0x82, 0x9a,
		0xce, 0xd4, 0xd5, 0xea} {
		t[b] = bBad
	}
	return
}()

var segPrefix = [...]byte{SegES: 0x26, SegCS: 0x2e, SegSS: 0x36, SegDS: 0x3e, SegFS: 0x64, SegGS: 0x65}

func isSegPrefix(b byte) bool { return byteClass[b] == bSeg }

// slotOf is the opcode map's number in slotIdx by space and map, -1 for none. The generator has the same order.
var slotOf = [5][8]int8{
	SpLegacy: {0, 1, 2, 3, -1, -1, -1, -1},
	SpVEX:    {-1, 5, 6, 7, -1, 8, -1, 9},
	SpEVEX:   {-1, 10, 11, 12, -1, 13, 14, -1},
	Sp3DNow:  {4, -1, -1, -1, -1, -1, -1, -1},
	SpXOP:    {15, 16, 17, -1, -1, -1, -1, -1},
}

var vexPP = [4]uint8{0, 1, 4, 2} // VEX's order is none 66 F3 F2

// Decode decodes the instruction at the start of code into in. Bytes beyond the instruction are not looked at, so code
// may end with it. When it fails, in holds nothing of use.
func Decode(code []byte, in *Inst) error {
	*in = Inst{RexOff: NoReg, VexOff: NoReg, Base: NoReg, Index: NoReg, Scale: 1, ASize: 8}
	if len(code) > maxLen {
		code = code[:maxLen]
	}
	p := 0
	var b, cls byte
	for {
		if p >= len(code) {
			return ErrTrunc
		}
		b = code[p]
		cls = byteClass[b]
		if cls < bRex {
			break
		}
		in.prefix(b, cls, p)
		p++
	}
	// REX counts only directly before the opcode.
	if in.RexOff != NoReg {
		if int(in.RexOff) == p-1 {
			in.Rex = code[p-1] & 15
			in.Pfx |= PfxRex
		} else {
			in.RexOff = NoReg
		}
	}
	switch cls {
	case bBad:
		return ErrBad
	case bOther:
		if b != 0x8f || p+1 >= len(code) || code[p+1]&31 < 8 {
			in.legacyPP()
			break
		}
		cls = bC4 // XOP, where pop would have a register number above 7
		fallthrough
	case bC4, bC5, b62:
		var err error
		if p, err = in.vex(code, p, cls); err != nil {
			return err
		}
		b = code[p]
	case b0F:
		p++
		if p >= len(code) {
			return ErrTrunc
		}
		b = code[p]
		in.Map = 1
		in.legacyPP()
		switch b {
		case 0x38, 0x3a:
			in.Map = 2 + b>>1&1
			p++
			if p >= len(code) {
				return ErrTrunc
			}
			b = code[p]
		case 0x0f:
			in.Space, in.Map = Sp3DNow, 0
		}
	}
	in.Op = b
	in.OpOff = uint8(p)
	p++
	slot := int(slotOf[in.Space][in.Map])
	if slot < 0 {
		return ErrBad
	}
	slot = slot<<8 | int(b)
	first := int(slotIdx[slot])
	key := uint32(3<<kMod | 1<<kReg | 1<<kRm)
	switch {
	case in.Space == Sp3DNow:
		var err error
		if p, err = in.modRM(code, p, false); err != nil {
			return err
		}
		if p >= len(code) {
			return ErrTrunc
		}
		in.Op = code[p] // the opcode proper is where an immediate would be
		in.ImmOff, in.ImmLen = uint8(p), 1
		p++
		slot = slot&^255 | int(in.Op)
		if first = int(slotIdx[slot]); first == 0 {
			return ErrBad
		}
	case first == 0:
		return ErrBad
	case rows[first-1].Attr&AModRM != 0:
		var err error
		if p, err = in.modRM(code, p, rows[first-1].Attr&ARmReg != 0); err != nil {
			return err
		}
		if in.HasMem {
			key = 1<<kMod | 1<<(kReg+in.ModRM>>3&7) | 1<<(kRm+in.ModRM&7)
		} else {
			key = 2<<kMod | 1<<(kReg+in.ModRM>>3&7) | 1<<(kRm+in.ModRM&7)
			if in.B && in.Space == SpEVEX {
				in.Rounding, in.L = in.L, 2 // the length is 512
			}
		}
	}
	if in.L == 3 {
		return ErrBad
	}
	key |= 1<<(kPP+in.PP) | 1<<(kW+in.W) | 1<<(kL+in.L)
	end := first - 1 + int(slotCnt[slot])
	var row *Row
	for i := first - 1; ; i++ {
		if i >= end {
			return ErrBad
		}
		row = &rows[i]
		if key&^row.Mask == 0 && (row.Attr&ARexB == 0 || in.Rex&1 != 0) {
			break
		}
	}
	in.Row = row
	at := row.Attr
	// Operand size.
	in.OpSize = 4
	switch {
	case at&AF64 != 0 || in.W != 0 && at&ANoW == 0:
		in.OpSize = 8
	case in.Pfx&Pfx66 != 0:
		in.OpSize = 2
	case at&AD64 != 0:
		in.OpSize = 8
	}
	if row.Imm != INone {
		if p = in.immediate(code, p); p < 0 {
			return ErrTrunc
		}
	}
	if in.Space != SpLegacy && !in.vexValid() {
		return ErrBad
	}
	if in.Pfx&PfxLock != 0 && (at&ALock == 0 || !in.HasMem) && in.Space == SpLegacy && !in.isMovCR() {
		return ErrBad
	}
	if at&AChk != 0 && !in.registersValid() {
		return ErrBad
	}
	in.Len = uint8(p)
	return nil
}

// prefix notes a legacy or REX prefix.
func (in *Inst) prefix(b, cls byte, p int) {
	switch cls {
	case bRex:
		in.RexOff = uint8(p)
	case bPfx66:
		in.Pfx |= Pfx66
	case bPfx67:
		in.Pfx |= Pfx67
		in.ASize = 4
	case bPfxF2:
		in.Pfx = in.Pfx&^PfxF3 | PfxF2
	case bPfxF3:
		in.Pfx = in.Pfx&^PfxF2 | PfxF3
	case bPfxF0:
		in.Pfx |= PfxLock
	case bSeg:
		switch b {
		case 0x64:
			in.Seg = SegFS
		case 0x65:
			in.Seg = SegGS
		default:
			// es, cs, ss and ds have no effect, not even on an earlier fs or gs.
			if in.Seg < SegFS {
				in.Seg = SegES + b>>3&3
			}
		}
	}
}

// legacyPP sets W and PP of an instruction without VEX.
func (in *Inst) legacyPP() {
	in.W = in.Rex >> 3
	in.PP = uint8(in.Pfx & Pfx66)
	switch {
	case in.Pfx&PfxF2 != 0:
		in.PP |= 2
	case in.Pfx&PfxF3 != 0:
		in.PP |= 4
	}
}

// vex decodes a VEX, EVEX or XOP prefix at p and returns the offset of the opcode, which is in code.
func (in *Inst) vex(code []byte, p int, cls byte) (int, error) {
	if in.Pfx&(Pfx66|PfxF2|PfxF3|PfxLock|PfxRex) != 0 {
		return 0, ErrBad
	}
	in.VexOff = uint8(p)
	n := 3
	switch cls {
	case bC5:
		n = 2
	case b62:
		n = 4
	}
	if p+n >= len(code) {
		return 0, ErrTrunc
	}
	in.Pfx |= PfxVex
	in.Space = SpVEX
	v1, v2 := code[p+1], code[p+2]
	switch cls {
	case bC5:
		v2 = v1 & 0x7f // R is where W is in the long form, which is 0
		in.Map = 1
		in.Rex = (^v1 >> 7 & 1) << 2
	case bC4:
		m := v1 & 31
		if code[p] == 0x8f {
			in.Space = SpXOP
			m -= 8
		}
		if m > 7 {
			return 0, ErrBad
		}
		in.Map = m
		in.Rex = ^v1>>5&7 | v2>>7<<3
	case b62:
		v3 := code[p+3]
		if v1&8 != 0 || v2&4 == 0 {
			return 0, ErrBad // reserved; APX
		}
		in.Pfx ^= PfxVex | PfxEvex
		in.Space = SpEVEX
		in.Map = v1 & 7
		in.Rex = ^v1>>5&7 | v2>>7<<3
		in.R4 = ^v1 >> 4 & 1
		in.X4 = ^v3 >> 3 & 1
		in.L = v3 >> 5 & 3
		in.Z = v3&0x80 != 0
		in.B = v3&0x10 != 0
		in.AAA = v3 & 7
	}
	in.W = v2 >> 7
	in.VVVV = ^v2>>3&15 | in.X4<<4
	in.PP = vexPP[v2&3]
	if cls != b62 {
		in.L = v2 >> 2 & 1
	}
	return p + n, nil
}

// modRM decodes ModRM, SIB and displacement at p and returns the offset behind them. reg: ModRM.mod is ignored.
func (in *Inst) modRM(code []byte, p int, reg bool) (int, error) {
	if p >= len(code) {
		return 0, ErrTrunc
	}
	m := code[p]
	in.ModRM = m
	in.ModOff = uint8(p)
	p++
	mod, rm := m>>6, m&7
	if mod == 3 || reg {
		return p, nil
	}
	in.HasMem = true
	n := 0
	switch {
	case rm == 4:
		if p >= len(code) {
			return 0, ErrTrunc
		}
		s := code[p]
		in.SIB = s
		in.SibOff = uint8(p)
		p++
		in.Scale = 1 << (s >> 6)
		if x := s>>3&7 | in.Rex<<2&8; x != 4 { // vexValid corrects this for VSIB
			in.Index = x
		}
		if s&7 == 5 && mod == 0 {
			n = 4
		} else {
			in.Base = s&7 | in.Rex<<3&8
		}
	case rm == 5 && mod == 0:
		in.Base = RIP
		n = 4
	default:
		in.Base = rm | in.Rex<<3&8
	}
	switch mod {
	case 1:
		n = 1
	case 2:
		n = 4
	}
	if n == 0 {
		return p, nil
	}
	in.DispOff, in.DispLen = uint8(p), uint8(n)
	if p+n > len(code) {
		return 0, ErrTrunc
	}
	if n == 1 {
		in.Disp = int64(int8(code[p]))
	} else {
		in.Disp = int64(int32(le32(code[p:])))
	}
	return p + n, nil
}

// immediate decodes the immediates at p, and moffs. It returns the offset behind them, -1 if the code is too short.
func (in *Inst) immediate(code []byte, p int) int {
	n := 1
	switch in.Row.Imm {
	case Iw, IbIb:
		n = 2
	case Iz:
		n = 4
		if in.OpSize == 2 {
			n = 2
		}
	case IJz, Id:
		n = 4
	case Iv:
		n = int(in.OpSize)
	case IwIb:
		n = 3
	case IO:
		n = int(in.ASize)
	}
	if p+n > len(code) {
		return -1
	}
	in.ImmOff, in.ImmLen = uint8(p), uint8(n)
	switch n {
	case 1:
		in.Imm = int64(int8(code[p]))
	case 2:
		if in.Row.Imm == IbIb {
			in.Imm, in.Imm2 = int64(code[p]), int64(code[p+1])
		} else {
			in.Imm = int64(int16(uint16(code[p]) | uint16(code[p+1])<<8))
		}
	case 3:
		in.Imm, in.Imm2 = int64(uint16(code[p])|uint16(code[p+1])<<8), int64(code[p+2])
	case 4:
		in.Imm = int64(int32(le32(code[p:])))
	case 8:
		in.Imm = int64(uint64(le32(code[p:])) | uint64(le32(code[p+4:]))<<32)
	}
	if in.Row.Imm == IO {
		in.HasMem = true
		in.Disp, in.Imm = in.Imm, 0
		if n == 4 {
			in.Disp &= 1<<32 - 1
		}
		in.DispOff, in.DispLen = in.ImmOff, in.ImmLen
		in.ImmLen = 0
	}
	return p + n
}

// vexValid checks the fields of VEX, EVEX and XOP prefixes against the row, and finishes the memory operand: the unit of
// an 8-bit displacement and the index of VSIB depend on the row.
func (in *Inst) vexValid() bool {
	at := in.Row.Attr
	if in.Space == SpEVEX {
		switch {
		case in.HasMem:
			if in.B && at&ABc == 0 {
				return false
			}
			if in.DispLen == 1 {
				in.Disp *= int64(in.disp8N())
			}
			// Zeroing is for destinations in registers.
			if in.Z && opPool[in.Row.Ops].Loc == LMU {
				return false
			}
		case in.B && at&(AEr|ASae) == 0:
			return false
		}
		if in.Z && (at&ANoZ != 0 || in.AAA == 0) || in.AAA != 0 && at&ANoK != 0 {
			return false
		}
	}
	if at&(AVsibX|AVsibY|AVsibZ) != 0 {
		in.Index = in.SIB>>3&7 | in.Rex<<2&8
		if in.Space == SpEVEX {
			in.Index |= in.X4 << 4
			in.VVVV &= 15 // V' belongs to the index
		}
	}
	return at&ANoVV == 0 || in.VVVV == 0
}

// isMovCR recognises mov to and from cr0, with which LOCK means cr8 on AMD.
func (in *Inst) isMovCR() bool { return in.Map == 1 && in.Op&^2 == 0x20 }

// registersValid checks rules about register numbers: there are 8 mask registers and, for EVEX, 16 general ones; segment
// registers are six and cs cannot be loaded; gathers want different registers, complex multiplications a destination
// that is no source. AMD ignores the high bits of mask registers in VEX forms, Intel does not.
func (in *Inst) registersValid() bool {
	r := in.Row
	for i := range r.operands() {
		switch opPool[int(r.Ops)+i].Loc {
		case LK, LKP:
			if in.Rex&4 != 0 || in.R4 != 0 {
				return false
			}
		case LKH:
			if in.VVVV > 7 {
				return false
			}
		case LG:
			if in.R4 != 0 {
				return false
			}
		case LS:
			if n := in.ModRM >> 3 & 7; n > 5 || in.Op == 0x8e && n == 1 {
				return false
			}
		}
	}
	dest := in.ModRM>>3&7 | in.Rex<<1&8 | in.R4<<4
	if r.Type == Type2F16 {
		src := in.ModRM&7 | in.Rex<<3&24
		return dest != in.VVVV && (in.HasMem || dest != src)
	}
	if r.Attr&AVsibX == 0 {
		return true
	}
	if in.Space == SpEVEX {
		return in.AAA != 0 && !in.Z && (r.Attr&AGather == 0 || dest != in.Index)
	}
	return dest != in.Index && dest != in.VVVV && in.VVVV != in.Index
}

func le32(b []byte) uint32 {
	_ = b[3]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}
