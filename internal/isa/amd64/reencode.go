package amd64

import "errors"

var ErrReenc = errors.New("cannot re-encode")

// ReplaceMem re-encodes the instruction with its ModRM memory operand replaced by [base]
// (no index, no displacement, no segment override, 64-bit addressing).  It works for every
// legacy/VEX/XOP/EVEX row with a plain ModRM memory operand, and turns moffs moves into their
// ModRM form.
func ReplaceMem(out []byte, code []byte, in *Inst, base uint8) ([]byte, error) {
	at := in.Row.Attr
	if !in.HasMem || at&(AVsibX|AVsibY|AVsibZ) != 0 {
		return nil, ErrReenc
	}
	out = out[:0]
	rexB := base >> 3 & 1
	// --- ModRM/SIB for [base]
	modrm := in.ModRM & 0x38
	tail := code[int(in.OpOff)+1 : int(in.Len)]
	var mem [3]byte
	nm := 1
	op := in.Op
	if in.Row.Imm == IO { // A0..A3 moffs -> 8A/8B/88/89 with reg=rax
		op = [4]byte{0x8a, 0x8b, 0x88, 0x89}[in.Op&3]
		tail = nil
		modrm = 0
	} else {
		skip := int(in.ModOff) + 1
		if in.SibOff != 0 {
			skip = int(in.SibOff) + 1
		}
		if in.DispLen != 0 {
			skip = int(in.DispOff) + int(in.DispLen)
		}
		tail = code[skip:int(in.Len)]
	}
	switch base & 7 {
	case 4:
		mem[0], mem[1], nm = modrm|4, 0x24, 2
	case 5:
		mem[0], mem[1], nm = modrm|0x45, 0, 2
	default:
		mem[0] = modrm | base&7
	}
	// --- prefixes: keep all but segment overrides and 67
	pend := int(in.OpOff)
	switch {
	case in.Pfx&(PfxVex|PfxEvex) != 0:
		pend = int(in.VexOff)
	case in.Space == Sp3DNow:
		pend = int(in.ModOff) - 2
	case in.Map == 1:
		pend--
	case in.Map >= 2:
		pend -= 2
	}
	rexAt := -1
	if in.RexOff != 0xff {
		rexAt = int(in.RexOff)
	}
	for i := 0; i < pend; i++ {
		b := code[i]
		switch b {
		case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x67:
			continue
		}
		if b&0xf0 == 0x40 && i < pend {
			continue // re-added below (or dead)
		}
		out = append(out, b)
	}
	switch {
	case in.Pfx&PfxEvex != 0:
		p0 := code[in.VexOff+1] | 0x60 // X=0,B=0 (inverted 1)
		if rexB != 0 {
			p0 &^= 0x20
		}
		out = append(out, 0x62, p0, code[in.VexOff+2], code[in.VexOff+3], op)
	case in.Space == SpXOP:
		p0 := code[in.VexOff+1] | 0x60
		if rexB != 0 {
			p0 &^= 0x20
		}
		out = append(out, 0x8f, p0, code[in.VexOff+2], op)
	case in.Pfx&PfxVex != 0:
		if code[in.VexOff] == 0xc5 {
			if rexB == 0 {
				out = append(out, 0xc5, code[in.VexOff+1], op)
			} else {
				v := code[in.VexOff+1]
				out = append(out, 0xc4, v&0x80|0x40|1, v&0x7f, op)
			}
		} else {
			p0 := code[in.VexOff+1] | 0x60
			if rexB != 0 {
				p0 &^= 0x20
			}
			out = append(out, 0xc4, p0, code[in.VexOff+2], op)
		}
	default:
		rex := in.Rex&0xc | rexB // keep W,R; drop X
		if in.Row.Imm == IO {
			rex = in.Rex&8 | rexB
		}
		if rexAt >= 0 || rex != 0 {
			if rexAt < 0 { // adding REX changes ah/ch/dh/bh into spl/bpl/sil/dil
				for i := 0; i < int(in.Row.NOps); i++ {
					d := &opPool[int(in.Row.Ops)+i]
					if d.Loc == LG && (d.WMem == Wb) && in.ModRM>>3&7 >= 4 {
						return nil, ErrReenc
					}
				}
			}
			out = append(out, 0x40|rex)
		}
		switch in.Map {
		case 1:
			out = append(out, 0x0f)
		case 2:
			out = append(out, 0x0f, 0x38)
		case 3:
			out = append(out, 0x0f, 0x3a)
		}
		if in.Space == Sp3DNow {
			out = append(out, 0x0f, 0x0f)
		} else {
			out = append(out, op)
		}
	}
	out = append(out, mem[:nm]...)
	out = append(out, tail...)
	if len(out) > 15 {
		return nil, ErrReenc
	}
	return out, nil
}
