package amd64

import (
	"errors"
	"fmt"
)

// ErrReenc is returned for instructions whose memory operand cannot be replaced as asked.
var ErrReenc = errors.New("amd64: cannot re-encode")

// Mem is a memory operand as ModRM can express it.
type Mem struct {
	Seg   uint8 // segment override: SegNone, SegFS, ...
	Base  uint8 // 0-15, RIP, NoReg
	Index uint8 // 0-15 without 4 (rsp), NoReg; for VSIB the vector register
	Scale uint8 // 1, 2, 4, 8
	Disp  int32 // relative to the end of the new instruction when Base is RIP
}

// MemOperand is the ModRM operand of the instruction. A displacement that only moffs can express is cut.
func (in *Inst) MemOperand() Mem {
	m := Mem{Seg: in.Seg, Base: in.Base, Index: in.Index, Scale: in.Scale, Disp: int32(in.Disp)}
	if m.Index == NoReg {
		m.Scale = 1
	}
	return m
}

// ReplaceMem re-encodes the instruction with [base] for its memory operand, without segment.
func ReplaceMem(out []byte, code []byte, in *Inst, base uint8) ([]byte, error) {
	return ReplaceMemOperand(out, code, in, Mem{Base: base, Index: NoReg, Scale: 1})
}

// ReplaceMemOperand re-encodes the instruction with m for its ModRM memory operand and 64-bit addressing, and returns
// the bytes in out's storage. code is the instruction that in was decoded from. moffs moves become ModRM moves. The
// rest of the instruction keeps its meaning; only segment, address-size and dead REX prefixes go.
//
// It fails when there is no such operand, when m.Index cannot be encoded, when ah, ch, dh or bh is an operand and m
// needs a REX prefix, when another operand is addressed with the same segment or address-size prefix, and when the
// result would be longer than 15 bytes.
func ReplaceMemOperand(out []byte, code []byte, in *Inst, m Mem) ([]byte, error) {
	r := in.Row
	vsib := r.Attr&(AVsibX|AVsibY|AVsibZ) != 0
	if !in.HasMem {
		return nil, fmt.Errorf("%w: no memory operand", ErrReenc)
	}
	if vsib && m.Index == NoReg || !vsib && m.Index == rsp || m.Index != NoReg && m.Base == RIP {
		return nil, fmt.Errorf("%w: index %d", ErrReenc, m.Index)
	}
	if in.ASize == 4 {
		for _, d := range r.operands() {
			if d.Loc == LImem {
				return nil, fmt.Errorf("%w: address size of a second operand", ErrReenc)
			}
		}
	}
	moffs := r.Imm == IO
	reg := in.ModRM & 0x38
	op := in.Op
	var tail []byte // immediate
	if moffs {
		reg, op = 0, [4]byte{0x8a, 0x8b, 0x88, 0x89}[in.Op&3]
	} else {
		tail = code[in.memEnd():in.Len]
	}
	var rexX, rexB uint8
	if m.Base < 16 {
		rexB = m.Base >> 3
	}
	if m.Index != NoReg {
		rexX = m.Index >> 3 & 1
	}

	out = out[:0]
	if m.Seg != SegNone {
		out = append(out, segPrefix[m.Seg])
	}
	for _, b := range code[:in.prefixEnd()] {
		if !isSegPrefix(b) && b != 0x67 && byteClass[b] != bRex {
			out = append(out, b)
		}
	}
	var v []byte // VEX, EVEX or XOP prefix
	p0 := byte(0)
	if in.VexOff != NoReg {
		v = code[in.VexOff:]
		p0 = v[1]&^0x60 | (rexX^1)<<6 | (rexB^1)<<5 // X and B are stored inverted; not for C5
	}
	switch {
	case in.Space == SpEVEX:
		p2 := v[3]
		if vsib {
			p2 = p2&^8 | (m.Index>>4^1)<<3
		}
		out = append(out, 0x62, p0, v[2], p2, op)
	case in.Space == SpXOP:
		out = append(out, 0x8f, p0, v[2], op)
	case in.Space == SpVEX && v[0] == 0xc4:
		out = append(out, 0xc4, p0, v[2], op)
	case in.Space == SpVEX && rexX|rexB == 0:
		out = append(out, 0xc5, v[1], op)
	case in.Space == SpVEX:
		// The two-byte form has only R: grow to the three-byte form, map 0F, W=0.
		out = append(out, 0xc4, v[1]&0x80|(rexX^1)<<6|(rexB^1)<<5|1, v[1]&0x7f, op)
	default:
		rex := in.Rex&0xc | rexX<<1 | rexB
		if moffs {
			rex &^= 4
		}
		if in.RexOff != NoReg || rex != 0 {
			if in.RexOff == NoReg && in.hasHighByte() {
				return nil, fmt.Errorf("%w: high-byte register", ErrReenc)
			}
			out = append(out, 0x40|rex)
		}
		switch {
		case in.Space == Sp3DNow:
			out = append(out, 0x0f)
			op = 0x0f // the opcode proper is the trailing byte
		case in.Map == 1:
			out = append(out, 0x0f)
		case in.Map == 2:
			out = append(out, 0x0f, 0x38)
		case in.Map == 3:
			out = append(out, 0x0f, 0x3a)
		}
		out = append(out, op)
	}
	n := 1
	if in.Space == SpEVEX {
		n = in.disp8N()
	}
	out = appendModRM(out, reg, m, n)
	out = append(out, tail...)
	if len(out) > maxLen {
		return nil, fmt.Errorf("%w: %d bytes", ErrReenc, len(out))
	}
	return out, nil
}

// SetSegPrefix copies the instruction with all its segment prefixes replaced by that of seg; SegNone drops them. It
// fails when the result would be longer than 15 bytes.
func SetSegPrefix(out []byte, code []byte, in *Inst, seg uint8) ([]byte, error) {
	out = out[:0]
	if seg != SegNone {
		out = append(out, segPrefix[seg])
	}
	end := in.prefixEnd()
	for i, b := range code[:end] {
		// A REX prefix that does not stand last is dead; it must not come to life by losing a prefix after it.
		if isSegPrefix(b) || byteClass[b] == bRex && i != int(in.RexOff) {
			continue
		}
		out = append(out, b)
	}
	out = append(out, code[end:in.Len]...)
	if len(out) > maxLen {
		return nil, fmt.Errorf("%w: %d bytes", ErrReenc, len(out))
	}
	return out, nil
}

// MemAddrLEA encodes a move of the address of the ModRM (or moffs) operand, without segment base, to general register
// dst: a lea, or a mov for moffs. 32-bit addresses are zero-extended, as the CPU does. A RIP-relative displacement is
// copied unchanged: the caller must adapt the last 4 bytes to the place of the new instruction.
func MemAddrLEA(out []byte, in *Inst, dst uint8) ([]byte, error) {
	if !in.HasMem || in.Row.Attr&(AVsibX|AVsibY|AVsibZ) != 0 {
		return nil, fmt.Errorf("%w: no plain memory operand", ErrReenc)
	}
	out = out[:0]
	if in.Row.Imm == IO {
		if in.ASize == 4 {
			return append(append(out, 0x40|dst>>3, 0xb8|dst&7),
				byte(in.Disp), byte(in.Disp>>8), byte(in.Disp>>16), byte(in.Disp>>24)), nil
		}
		out = append(out, 0x48|dst>>3, 0xb8|dst&7)
		for i := 0; i < 64; i += 8 {
			out = append(out, byte(in.Disp>>i))
		}
		return out, nil
	}
	m := in.MemOperand()
	rex := 0x48 | dst>>3<<2
	if m.Base < 16 {
		rex |= m.Base >> 3
	}
	if m.Index != NoReg {
		rex |= m.Index >> 3 << 1
	}
	if in.ASize == 4 {
		out = append(out, 0x67)
	}
	return appendModRM(append(out, rex, 0x8d), dst&7<<3, m, 1), nil
}

// appendModRM appends ModRM, SIB and displacement for m; reg is the reg field in place, n the unit of 8-bit
// displacements.
func appendModRM(out []byte, reg uint8, m Mem, n int) []byte {
	if m.Base == RIP {
		return appendDisp32(append(out, reg|5), m.Disp)
	}
	sib := byte(0x20) // no index
	if m.Index != NoReg {
		sib = m.Index & 7 << 3
		switch m.Scale {
		case 2:
			sib |= 0x40
		case 4:
			sib |= 0x80
		case 8:
			sib |= 0xc0
		}
	}
	if m.Base == NoReg {
		return appendDisp32(append(out, reg|4, sib|5), m.Disp)
	}
	rm := m.Base & 7
	if m.Index != NoReg || rm == 4 {
		sib |= rm
		rm = 4
	}
	short := m.Disp % int32(n)
	disp8 := m.Disp / int32(n)
	mod := byte(0x80)
	switch {
	case m.Disp == 0 && m.Base&7 != 5:
		mod = 0
	case short == 0 && disp8 == int32(int8(disp8)):
		mod = 0x40
	}
	out = append(out, mod|reg|rm)
	if rm == 4 {
		out = append(out, sib)
	}
	switch mod {
	case 0x40:
		out = append(out, byte(disp8))
	case 0x80:
		out = appendDisp32(out, m.Disp)
	}
	return out
}

func appendDisp32(out []byte, d int32) []byte {
	return append(out, byte(d), byte(d>>8), byte(d>>16), byte(d>>24))
}

// prefixEnd is the offset behind the last legacy or REX prefix.
func (in *Inst) prefixEnd() int {
	switch {
	case in.VexOff != NoReg:
		return int(in.VexOff)
	case in.Space == Sp3DNow:
		return int(in.ModOff) - 2
	case in.Map == 0:
		return int(in.OpOff)
	case in.Map == 1:
		return int(in.OpOff) - 1
	}
	return int(in.OpOff) - 2
}

// memEnd is the offset behind ModRM, SIB and displacement.
func (in *Inst) memEnd() int {
	switch {
	case in.DispLen != 0:
		return int(in.DispOff) + int(in.DispLen)
	case in.SibOff != 0:
		return int(in.SibOff) + 1
	}
	return int(in.ModOff) + 1
}

// hasHighByte reports whether the reg field names ah, ch, dh or bh.
func (in *Inst) hasHighByte() bool {
	if in.RexOff != NoReg || in.VexOff != NoReg || in.ModRM>>3&7 < 4 {
		return false
	}
	for _, d := range in.Row.operands() {
		if d.Loc == LG && d.WReg == Wb {
			return true
		}
	}
	return false
}
