package amd64

import (
	"errors"

	"gogrind/internal/isa"
)

var (
	ErrTrunc = errors.New("truncated")
	ErrBad   = errors.New("undefined opcode")
)

// FlagEff is the effect of an instruction on flags. The masks are bits of EFLAGS; the x87 condition bits C0-C3 are
// bits 24-27.
type FlagEff struct {
	Read, Write, Undef, Zero, One uint32
	// May: the flags may also stay as they are, all of them (shift by 0, rep with count 0).
	May bool
}

// per first-byte class table for the 1-byte map
const (
	bOther = iota
	bPfx66
	bPfx67
	bPfxF2
	bPfxF3
	bPfxF0
	bSeg
	bRex
	b0F
	bC4
	bC5
	b62
	bBad64
)

var byteClass = func() (t [256]uint8) {
	t[0x66], t[0x67], t[0xf2], t[0xf3], t[0xf0] = bPfx66, bPfx67, bPfxF2, bPfxF3, bPfxF0
	for _, b := range []int{0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65} {
		t[b] = bSeg
	}
	for b := 0x40; b < 0x50; b++ {
		t[b] = bRex
	}
	t[0x0f], t[0xc4], t[0xc5], t[0x62] = b0F, bC4, bC5, b62
	for _, b := range []int{0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0x82, 0x9a, 0xce, 0xd4, 0xd5, 0xea} {
		t[b] = bBad64
	}
	return
}()

var slotOf = func() (t [5][8]int8) {
	for i := range t {
		for j := range t[i] {
			t[i][j] = -1
		}
	}
	for i := 0; i < 4; i++ {
		t[0][i] = int8(i)
	}
	t[3][0] = 4
	t[4][0], t[4][1], t[4][2] = 15, 16, 17
	t[1][1], t[1][2], t[1][3], t[1][5], t[1][7] = 5, 6, 7, 8, 9
	t[2][1], t[2][2], t[2][3], t[2][5], t[2][6] = 10, 11, 12, 13, 14
	return
}()

var vexPP = [4]uint8{0, 1, 4, 2} // np 66 F3 F2 -> our pp code

// Decode decodes one 64-bit-mode instruction.
func Decode(code []byte, in *Inst) error {
	*in = Inst{RexOff: 0xff, VexOff: 0xff, Base: 0xff, Index: 0xff, Scale: 1, VVVV: 0}
	if len(code) > 15 {
		code = code[:15]
	}
	p := 0
	var pfx uint16
	rexAt := -1
	// --- prefixes
	var b byte
	var cls uint8
	for {
		if p >= len(code) {
			return ErrTrunc
		}
		b = code[p]
		cls = byteClass[b]
		switch cls {
		case bOther, b0F, bC4, bC5, b62, bBad64:
			goto opcode
		case bRex:
			rexAt = p
			p++
			continue
		case bPfx66:
			pfx |= Pfx66
		case bPfx67:
			pfx |= Pfx67
		case bPfxF2:
			pfx = pfx&^PfxF3 | PfxF2
		case bPfxF3:
			pfx = pfx&^PfxF2 | PfxF3
		case bPfxF0:
			pfx |= PfxLock
		case bSeg:
			switch b {
			case 0x64:
				in.Seg = 5
			case 0x65:
				in.Seg = 6
			default: // es/cs/ss/ds ignored in 64-bit mode unless no fs/gs seen later; record notrack
				if in.Seg < 5 {
					in.Seg = [8]uint8{1, 2, 3, 4}[b>>3&3]
				}
			}
		}
		rexAt = -1
		p++
	}
opcode:
	in.ASize = 8
	if pfx&Pfx67 != 0 {
		in.ASize = 4
	}
	var rex byte
	if rexAt >= 0 && rexAt == p-1 {
		rex = code[rexAt] & 0xf
		in.RexOff = uint8(rexAt)
		pfx |= PfxRex
	}
	space, mp := SpLegacy, 0
	var pp, w, l uint8
	switch cls {
	case bBad64:
		return ErrBad
	case bOther:
		if b == 0x8f && p+1 < len(code) && code[p+1]&0x1f >= 8 { // XOP
			if p+3 >= len(code) {
				return ErrTrunc
			}
			if pfx&(Pfx66|PfxF2|PfxF3|PfxLock|PfxRex) != 0 || code[p+1]&0x1f > 10 {
				return ErrBad
			}
			in.VexOff = uint8(p)
			v1, v2 := code[p+1], code[p+2]
			space, mp = SpXOP, int(v1&31)-8
			rex = ^v1>>5&7 | v2>>7<<3
			w = v2 >> 7
			in.VVVV = ^v2 >> 3 & 15
			l = v2 >> 2 & 1
			pp = vexPP[v2&3]
			p += 3
			b = code[p]
			pfx |= PfxVex
		}
	case b0F:
		p++
		if p >= len(code) {
			return ErrTrunc
		}
		b = code[p]
		mp = 1
		if b == 0x38 || b == 0x3a {
			mp = 2 + int(b>>1&1)
			p++
			if p >= len(code) {
				return ErrTrunc
			}
			b = code[p]
		} else if b == 0x0f {
			space, mp = Sp3DNow, 0
		}
	case bC5:
		if pfx&(Pfx66|PfxF2|PfxF3|PfxLock|PfxRex) != 0 {
			return ErrBad
		}
		if p+2 >= len(code) {
			return ErrTrunc
		}
		in.VexOff = uint8(p)
		v := code[p+1]
		space, mp = SpVEX, 1
		rex = (^v >> 7 & 1) << 2
		in.VVVV = ^v >> 3 & 15
		l = v >> 2 & 1
		pp = vexPP[v&3]
		p += 2
		b = code[p]
		pfx |= PfxVex
	case bC4:
		if pfx&(Pfx66|PfxF2|PfxF3|PfxLock|PfxRex) != 0 {
			return ErrBad
		}
		if p+3 >= len(code) {
			return ErrTrunc
		}
		in.VexOff = uint8(p)
		v1, v2 := code[p+1], code[p+2]
		space, mp = SpVEX, int(v1&31)
		rex = ^v1>>5&7 | v2>>7<<3
		w = v2 >> 7
		in.VVVV = ^v2 >> 3 & 15
		l = v2 >> 2 & 1
		pp = vexPP[v2&3]
		p += 3
		b = code[p]
		pfx |= PfxVex
	case b62:
		if pfx&(Pfx66|PfxF2|PfxF3|PfxLock|PfxRex) != 0 {
			return ErrBad
		}
		if p+4 >= len(code) {
			return ErrTrunc
		}
		in.VexOff = uint8(p)
		v1, v2, v3 := code[p+1], code[p+2], code[p+3]
		if v1&8 != 0 || v2&4 == 0 {
			return ErrBad // APX / reserved
		}
		space, mp = SpEVEX, int(v1&7)
		rex = ^v1>>5&7 | v2>>7<<3
		in.R4 = ^v1 >> 4 & 1
		in.X4 = ^v3 >> 3 & 1
		w = v2 >> 7
		in.VVVV = ^v2>>3&15 | in.X4<<4
		pp = vexPP[v2&3]
		l = v3 >> 5 & 3
		in.Z = v3&0x80 != 0
		in.B = v3&0x10 != 0
		in.AAA = v3 & 7
		p += 4
		b = code[p]
		pfx |= PfxEvex
	}
	if space == SpLegacy || space == Sp3DNow {
		w = rex >> 3
		pp = uint8(pfx & Pfx66)
		if pfx&PfxF2 != 0 {
			pp |= 2
		} else if pfx&PfxF3 != 0 {
			pp |= 4
		}
	}
	in.Pfx = pfx
	in.Rex = rex
	in.W, in.PP = w, pp
	in.Space, in.Map, in.Op = uint8(space), uint8(mp), b
	in.OpOff = uint8(p)
	p++
	if mp > 7 {
		return ErrBad
	}
	slot := int(slotOf[space][mp])
	if slot < 0 {
		return ErrBad
	}
	var key uint32
	si := slot<<8 | int(b)
	if space == Sp3DNow {
		// opcode is the trailing byte; operands have a ModRM
		si = 4 << 8
	}
	first := int(slotIdx[si])
	if first == 0 && space != Sp3DNow {
		return ErrBad
	}
	modrm := space == Sp3DNow || rows[first-1].Attr&AModRM != 0
	if modrm {
		if p >= len(code) {
			return ErrTrunc
		}
		m := code[p]
		in.ModRM = m
		in.ModOff = uint8(p)
		p++
		mod, rm := m>>6, m&7
		if space == SpLegacy && rows[first-1].Attr&ARmReg != 0 {
			mod = 3
		}
		key = 1<<(kReg+m>>3&7) | 1<<(kRm+rm)
		if mod == 3 {
			key |= 2 << kMod
		} else {
			key |= 1 << kMod
			in.HasMem = true
			if rm == 4 {
				if p >= len(code) {
					return ErrTrunc
				}
				s := code[p]
				in.SIB = s
				in.SibOff = uint8(p)
				p++
				in.Scale = 1 << (s >> 6)
				in.Index = s>>3&7 | rex<<2&8
				if in.Index == 4 {
					in.Index = 0xff // may be patched for VSIB
				}
				bs := s & 7
				if bs == 5 && mod == 0 {
					in.DispLen = 4
				} else {
					in.Base = bs | rex<<3&8
				}
			} else if rm == 5 && mod == 0 {
				in.Base = 16
				in.DispLen = 4
			} else {
				in.Base = rm | rex<<3&8
			}
			if mod == 1 {
				in.DispLen = 1
			} else if mod == 2 {
				in.DispLen = 4
			}
			if in.DispLen != 0 {
				in.DispOff = uint8(p)
				if p+int(in.DispLen) > len(code) {
					return ErrTrunc
				}
				if in.DispLen == 1 {
					in.Disp = int64(int8(code[p]))
				} else {
					in.Disp = int64(int32(le32(code[p:])))
				}
				p += int(in.DispLen)
			}
		}
	} else {
		key = 3<<kMod | 1<<kReg | 1<<(kRm+uint32(b&7))
	}
	if space == SpEVEX {
		if in.B && !in.HasMem {
			l = 2 // rounding/SAE: vector length is 512 (or LIG)
		}
		if l == 3 {
			return ErrBad
		}
	}
	in.L = l
	if space == Sp3DNow {
		if p >= len(code) {
			return ErrTrunc
		}
		in.Op = code[p]
		in.ImmOff, in.ImmLen = uint8(p), 1
		p++
		si = 4<<8 | int(in.Op)
		first = int(slotIdx[si])
		if first == 0 {
			return ErrBad
		}
	}
	key |= 1<<(kPP+pp) | 1<<(kW+w) | 1<<(kL+l)
	n := int(slotCnt[si])
	var row *Row
	for i := first - 1; i < first-1+n; i++ {
		if key&^rows[i].Mask == 0 {
			row = &rows[i]
			if row.Attr&ARexB != 0 && rex&1 == 0 {
				row = nil
				continue
			}
			break
		}
	}
	if row == nil {
		return ErrBad
	}
	in.Row = row
	at := row.Attr
	// effective operand size
	os := uint8(4)
	if w != 0 && at&ANoW == 0 {
		os = 8
	} else if pfx&Pfx66 != 0 {
		os = 2
	}
	if at&(AD64|AF64) != 0 {
		if at&AF64 != 0 || os == 4 {
			os = 8
		}
	}
	in.OpSize = os
	// immediates
	if row.Imm != INone {
		q := p
		in.ImmOff = uint8(p)
		switch row.Imm {
		case Ib, IJb:
			p++
		case Iw:
			p += 2
		case Iz, IJz:
			if os == 2 && row.Imm == Iz {
				p += 2
			} else {
				p += 4
			}
		case Iv:
			p += int(os)
		case Id:
			p += 4
		case IwIb:
			p += 3
		case IbIb:
			p += 2
		case IO:
			p += int(in.ASize)
		}
		if p > len(code) {
			return ErrTrunc
		}
		in.ImmLen = uint8(p - q)
		switch p - q {
		case 1:
			in.Imm = int64(int8(code[q]))
		case 2:
			if row.Imm == IbIb {
				in.Imm, in.Imm2 = int64(code[q]), int64(code[q+1])
			} else {
				in.Imm = int64(int16(uint16(code[q]) | uint16(code[q+1])<<8))
			}
		case 3:
			in.Imm, in.Imm2 = int64(uint16(code[q])|uint16(code[q+1])<<8), int64(code[q+2])
		case 4:
			in.Imm = int64(int32(le32(code[q:])))
		case 8:
			in.Imm = int64(uint64(le32(code[q:])) | uint64(le32(code[q+4:]))<<32)
		}
		if row.Imm == IO {
			in.HasMem = true
			in.Disp = in.Imm
			if in.ASize == 4 {
				in.Disp &= 0xffffffff
			}
			in.DispOff, in.DispLen = in.ImmOff, in.ImmLen
			in.ImmLen = 0
		}
	}
	// validity + VSIB + disp8*N
	if space == SpEVEX {
		if in.HasMem {
			if in.B && at&ABc == 0 {
				return ErrBad
			}
			if in.DispLen == 1 {
				in.Disp *= int64(in.disp8N())
			}
		} else if in.B && at&(AEr|ASae) == 0 {
			return ErrBad
		}
		if in.Z && at&ANoZ != 0 || in.AAA != 0 && at&ANoK != 0 {
			return ErrBad
		}
	}
	if at&(AVsibX|AVsibY|AVsibZ) != 0 {
		in.Index = in.SIB>>3&7 | rex<<2&8
		if space == SpEVEX {
			in.Index |= in.X4 << 4
			in.VVVV = 0
		}
	} else if space == SpEVEX && at&ANoVV != 0 && in.VVVV != 0 {
		return ErrBad
	}
	if (space == SpVEX || space == SpXOP) && at&ANoVV != 0 && in.VVVV != 0 {
		return ErrBad
	}
	if pfx&PfxLock != 0 && (at&ALock == 0 || !in.HasMem) && space == SpLegacy && !(mp == 1 && b&^2 == 0x20) {
		return ErrBad
	}
	if row.Attr&AChk != 0 {
		if err := in.check(); err != nil {
			return err
		}
	}
	in.Len = uint8(p)
	return nil
}

// check applies the rare register-number #UD rules (k registers, gathers, segment registers).
func (in *Inst) check() error {
	r := in.Row
	for i := 0; i < int(r.NOps); i++ {
		switch opPool[int(r.Ops)+i].Loc {
		case LK, LKP:
			if in.Rex&4 != 0 || in.R4 != 0 {
				return ErrBad
			}
		case LKH:
			if in.VVVV > 7 {
				return ErrBad
			}
		case LS:
			if in.ModRM>>3&7 > 5 || in.Op == 0x8e && in.ModRM>>3&7 == 1 {
				return ErrBad
			}
		}
	}
	if r.Attr&(AVsibX|AVsibY|AVsibZ) != 0 {
		d := in.ModRM>>3&7 | in.Rex<<1&8 | in.R4<<4
		if in.Space == SpEVEX {
			if in.AAA == 0 || in.Z || r.Attr&AGather != 0 && d == in.Index {
				return ErrBad
			}
		} else if d == in.Index || d == in.VVVV || in.VVVV == in.Index {
			return ErrBad
		}
	}
	return nil
}

func le32(b []byte) uint32 {
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func (in *Inst) elem() int {
	e := in.Row.Elem
	if e == 0x80 {
		return 4 << in.W
	}
	return int(e)
}

func (in *Inst) disp8N() int {
	if in.B {
		return in.elem()
	}
	r := in.Row
	if r.NTup != 0 {
		return int(in.width(r.NTup))
	}
	for i := 0; i < int(r.NOps); i++ {
		o := &opPool[int(r.Ops)+i]
		if isMemLoc(o.Loc) {
			return int(in.width(o.WMem))
		}
	}
	return 1
}

func isMemLoc(l uint8) bool {
	switch l {
	case LM, LMR, LMU, LMN, LMKR, LMS, LA:
		return true
	}
	return false
}

func (in *Inst) width(c uint8) uint16 {
	switch c {
	case Wv:
		return uint16(in.OpSize)
	case Wz:
		if in.OpSize == 2 {
			return 2
		}
		return 4
	case Wy:
		if in.W != 0 {
			return 8
		}
		return 4
	case Wa:
		return uint16(in.ASize)
	case Ws:
		if in.OpSize == 2 {
			return 2
		}
		return 8
	case Ws2:
		return 2 * uint16(in.OpSize)
	case Ws5:
		return 5 * uint16(in.OpSize)
	case Wp:
		return 2 + uint16(in.OpSize)
	case Wx:
		return 16 << in.L
	case Wh:
		return 8 << in.L
	case Wf:
		return 4 << in.L
	case We:
		return 2 << in.L
	case Wdd:
		return [4]uint16{8, 32, 64}[in.L]
	}
	return wFixed[c]
}

func (in *Inst) Mnem() string {
	m := in.Row.Mnem
	return mnemStr[mnemOff[m]:mnemOff[m+1]]
}

// Class is the semantic class of the instruction.
func (in *Inst) Class() isa.Class { return in.Row.Sem }

func (in *Inst) Flags() *FlagEff { return &flagPool[in.Row.Flg] }

// Operands expands all explicit and implicit operands into buf.
func (in *Inst) Operands(buf []Operand) []Operand {
	buf = buf[:0]
	r := in.Row
	ev := in.Space == SpEVEX
	mem := in.HasMem
	rm := in.ModRM & 7
	reg := in.ModRM >> 3 & 7
	regx := reg | in.Rex<<1&8
	rmx := rm | in.Rex<<3&8
	merge := ev && in.AAA != 0 && !in.Z
	for i := 0; i < int(r.NOps); i++ {
		d := &opPool[int(r.Ops)+i]
		o := Operand{Acc: d.Acc, Sup: d.Sup, Kind: 1, Loc: d.Loc}
		wc := d.WReg
		if mem {
			wc = d.WMem
		}
		o.Hi = wc == Wqh
		switch d.Loc {
		case LG:
			o.Class, o.Num = CGPR, regx
		case LR:
			o.Class, o.Num = CGPR, rmx
		case LB:
			o.Class, o.Num = CGPR, in.VVVV&15
		case LZ:
			o.Class, o.Num = CGPR, in.Op&7|in.Rex<<3&8
		case LV:
			o.Class, o.Num = CVec, regx|in.R4<<4
		case LU:
			o.Class, o.Num = CVec, rmx
			if ev {
				o.Num |= in.Rex << 3 & 16
			}
		case LH:
			o.Class, o.Num = CVec, in.VVVV
		case LL:
			o.Class, o.Num = CVec, uint8(in.Imm)>>4
		case LP:
			o.Class, o.Num = CMMX, reg
		case LN:
			o.Class, o.Num = CMMX, rm
		case LK:
			o.Class, o.Num = CK, reg
		case LKP:
			o.Class, o.Num = CK, reg&^1
		case LKR:
			o.Class, o.Num = CK, rm
		case LKH:
			o.Class, o.Num = CK, in.VVVV&7
		case LKM:
			if in.AAA == 0 {
				continue
			}
			o.Class, o.Num = CK, in.AAA
		case LS:
			o.Class, o.Num = CSeg, reg
		case LC:
			o.Class, o.Num = CCR, regx
		case LD:
			o.Class, o.Num = CDR, regx
		case LSTi:
			o.Class, o.Num = CST, rm
		case LMR, LMU, LMN, LMKR:
			if mem {
				o.Kind = 2
				wc = d.WMem
				break
			}
			switch d.Loc {
			case LMR:
				o.Class, o.Num = CGPR, rmx
			case LMU:
				o.Class, o.Num = CVec, rmx
				if ev {
					o.Num |= in.Rex << 3 & 16
				}
			case LMN:
				o.Class, o.Num = CMMX, rm
			case LMKR:
				o.Class, o.Num = CK, rm
			}
		case LM, LMS, LO:
			o.Kind, wc = 2, d.WMem
		case LA:
			o.Kind, o.Acc = 2, AccN
		case LIb, LIsb, LIw, LIz, LIv, LId, LI1, LI2b:
			o.Kind = 3
		case LJb, LJz:
			o.Kind = 4
		case LFix:
			v := fixTab[d.Arg]
			o.Class, o.Num = uint8(v>>5), uint8(v&31)
		case LAddr:
			v := fixTab[d.Arg]
			o.Class, o.Num = uint8(v>>5), uint8(v&31)
		case LImem, LPush, LPop:
			o.Kind = 5
			o.Base = d.Arg
		}
		o.Width = in.width(wc)
		if o.Kind == 2 && in.B && ev {
			o.Width = uint16(in.elem())
		}
		if o.Kind == 1 && o.Class == CGPR && o.Width == 1 && in.Pfx&(PfxRex|PfxVex|PfxEvex) == 0 && o.Num >= 4 && o.Num < 8 && d.Loc != LFix {
			o.Class = CGPRH
		}
		if merge && i == 0 && o.Acc&AccW != 0 && (o.Class == CVec && o.Kind == 1) {
			o.Acc |= AccR | AccMask
		} else if ev && in.AAA != 0 && o.Kind == 2 {
			o.Acc |= AccMask | AccCond
		}
		buf = append(buf, o)
	}
	return buf
}
