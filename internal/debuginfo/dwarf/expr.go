package dwarf

// Env is what an expression may ask of the frame that it is evaluated in.
type Env interface {
	// Reg is a register by DWARF's number.
	Reg(n uint64) (v uint64, ok bool)
	// Read64 reads eight bytes of memory.
	Read64(a uint64) (v uint64, ok bool)
	// FrameBase is the value of the function's DW_AT_frame_base, CFA the frame's canonical address. Call frame information uses
	// neither.
	FrameBase() (v uint64, ok bool)
	CFA() (v uint64, ok bool)
	// Address is the runtime address for a link-time address of the object, or for an entry of the unit's address table.
	Address(a uint64, indexed bool) (v uint64, ok bool)
}

// Operations of expressions that yield an address. Those about values, pieces and other frames are not understood, which
// makes the result unknown.
const (
	opAddr       = 0x03
	OpDeref      = 0x06
	opConst1u    = 0x08
	opConst1s    = 0x09
	opConst2u    = 0x0a
	opConst2s    = 0x0b
	opConst4u    = 0x0c
	opConst4s    = 0x0d
	opConst8u    = 0x0e
	opConst8s    = 0x0f
	opConstu     = 0x10
	opConsts     = 0x11
	opDup        = 0x12
	opDrop       = 0x13
	opOver       = 0x14
	opPick       = 0x15
	opSwap       = 0x16
	opRot        = 0x17
	opAbs        = 0x19
	opAnd        = 0x1a
	opDiv        = 0x1b
	opMinus      = 0x1c
	opMod        = 0x1d
	opMul        = 0x1e
	opNeg        = 0x1f
	opNot        = 0x20
	opOr         = 0x21
	opPlus       = 0x22
	opPlusUconst = 0x23
	opShl        = 0x24
	opShr        = 0x25
	opShra       = 0x26
	opXor        = 0x27
	opBra        = 0x28
	opEq         = 0x29
	opGe         = 0x2a
	opGt         = 0x2b
	opLe         = 0x2c
	opLt         = 0x2d
	opNe         = 0x2e
	opSkip       = 0x2f
	opLit0       = 0x30
	OpBreg0      = 0x70 // breg7 is the stack pointer on amd64
	OpReg0       = 0x50
	opBregx      = 0x92
	opFbreg      = 0x91
	opDerefSize  = 0x94
	opNop        = 0x96
	opCFA        = 0x9c
	opAddrx      = 0xa1
	opGNUAddrx   = 0xfb
)

const (
	maxExprStack = 64
	maxExprSteps = 1000 // branches may loop
)

// Eval computes an expression; initial is pushed first when push is set. The result is an address.
func Eval(expr []byte, env Env, initial uint64, push bool) (v uint64, ok bool) {
	var buf [maxExprStack]uint64
	st := buf[:0]
	if push {
		st = append(st, initial)
	}
	c := NewCursor(expr, 0)
	for steps := 0; c.Len() > 0; steps++ {
		if steps > maxExprSteps || len(st) >= maxExprStack-1 {
			return 0, false
		}
		op := c.U8()
		n := len(st)
		switch {
		case op >= opLit0 && op < opLit0+32:
			st = append(st, uint64(op-opLit0))
			continue
		case op >= OpBreg0 && op < OpBreg0+32 || op == opBregx:
			reg := uint64(op - OpBreg0)
			if op == opBregx {
				reg = c.Uleb()
			}
			v, ok := env.Reg(reg)
			if !ok {
				return 0, false
			}
			st = append(st, v+uint64(c.Sleb()))
			continue
		}
		switch op {
		case opAddr:
			if v, ok = env.Address(c.U64(), false); !ok {
				return 0, false
			}
			st = append(st, v)
		case opAddrx, opGNUAddrx:
			if v, ok = env.Address(c.Uleb(), true); !ok {
				return 0, false
			}
			st = append(st, v)
		case opFbreg:
			if v, ok = env.FrameBase(); !ok {
				return 0, false
			}
			st = append(st, v+uint64(c.Sleb()))
		case opCFA:
			if v, ok = env.CFA(); !ok {
				return 0, false
			}
			st = append(st, v)
		case opConst1u:
			st = append(st, uint64(c.U8()))
		case opConst1s:
			st = append(st, uint64(int8(c.U8())))
		case opConst2u:
			st = append(st, uint64(c.U16()))
		case opConst2s:
			st = append(st, uint64(int16(c.U16())))
		case opConst4u:
			st = append(st, uint64(c.U32()))
		case opConst4s:
			st = append(st, uint64(int32(c.U32())))
		case opConst8u, opConst8s:
			st = append(st, c.U64())
		case opConstu:
			st = append(st, c.Uleb())
		case opConsts:
			st = append(st, uint64(c.Sleb()))
		case opNop:
		case opSkip, opBra:
			d := int64(int16(c.U16()))
			if op == opBra {
				if n < 1 {
					return 0, false
				}
				top := st[n-1]
				st = st[:n-1]
				if top == 0 {
					continue
				}
			}
			to := int64(c.Pos()) + d
			if to < 0 || to > int64(len(expr)) {
				return 0, false
			}
			c = NewCursor(expr, uint64(to))
		case opDup, opDrop, OpDeref, opDerefSize, opAbs, opNeg, opNot, opPlusUconst, opPick:
			if n < 1 {
				return 0, false
			}
			top := &st[n-1]
			switch op {
			case opDup:
				st = append(st, *top)
			case opDrop:
				st = st[:n-1]
			case OpDeref:
				if *top, ok = env.Read64(*top); !ok {
					return 0, false
				}
			case opDerefSize:
				size := c.U8()
				if size == 0 || size > 8 {
					return 0, false
				}
				if *top, ok = env.Read64(*top); !ok {
					return 0, false
				}
				*top &= ^uint64(0) >> (64 - 8*uint(size))
			case opAbs:
				if int64(*top) < 0 {
					*top = -*top
				}
			case opNeg:
				*top = -*top
			case opNot:
				*top = ^*top
			case opPlusUconst:
				*top += c.Uleb()
			case opPick:
				i := int(c.U8())
				if i >= n {
					return 0, false
				}
				st = append(st, st[n-1-i])
			}
		case opRot:
			if n < 3 {
				return 0, false
			}
			st[n-1], st[n-2], st[n-3] = st[n-2], st[n-3], st[n-1]
		default:
			if n < 2 {
				return 0, false
			}
			a, b := st[n-2], st[n-1]
			switch op {
			case opOver:
				st = append(st, a)
				continue
			case opSwap:
				st[n-2], st[n-1] = b, a
				continue
			}
			x, ok := binop(op, a, b)
			if !ok {
				return 0, false
			}
			st[n-2] = x
			st = st[:n-1]
		}
		if c.Bad() {
			return 0, false
		}
	}
	if c.Bad() || len(st) == 0 {
		return 0, false
	}
	return st[len(st)-1], true
}

func binop(op uint8, a, b uint64) (uint64, bool) {
	truth := func(t bool) uint64 {
		if t {
			return 1
		}
		return 0
	}
	switch op {
	case opAnd:
		return a & b, true
	case opDiv:
		if b == 0 {
			return 0, false
		}
		return uint64(int64(a) / int64(b)), true
	case opMinus:
		return a - b, true
	case opMod:
		if b == 0 {
			return 0, false
		}
		return a % b, true
	case opMul:
		return a * b, true
	case opOr:
		return a | b, true
	case opPlus:
		return a + b, true
	case opShl:
		return a << b, true
	case opShr:
		return a >> b, true
	case opShra:
		return uint64(int64(a) >> b), true
	case opXor:
		return a ^ b, true
	case opEq:
		return truth(a == b), true
	case opNe:
		return truth(a != b), true
	case opGe:
		return truth(int64(a) >= int64(b)), true
	case opGt:
		return truth(int64(a) > int64(b)), true
	case opLe:
		return truth(int64(a) <= int64(b)), true
	case opLt:
		return truth(int64(a) < int64(b)), true
	}
	return 0, false
}
