package lackey

import (
	"strings"

	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// valueType is a row of the table of detailed counts.
type valueType uint8

const (
	tI1 valueType = iota
	tI8
	tI16
	tI32
	tI64
	tI128
	tF32
	tF64
	tF128
	tV128
	tV256
	tV512
	tD32
	tD64
	tD128
	numTypes
	tNone = numTypes
)

var typeNames = [numTypes]string{"I1", "I8", "I16", "I32", "I64", "I128", "F32", "F64", "F128", "V128", "V256", "V512", "D32", "D64", "D128"}

// operation is a column of that table.
type operation int

const (
	opLoad operation = iota
	opStore
	opAlu
	numOperations
)

// accessType is the type of an access of size bytes, and how many values of it are accessed.
func accessType(in *tool.Inst, size int) (t valueType, n int64) {
	switch in.Class() {
	case isa.State:
		return tNone, 0 // an area of registers is no value
	case isa.X87Mov, isa.X87Arith, isa.X87Cmp:
		if !strings.HasPrefix(in.Mnem(), "FI") || strings.HasPrefix(in.Mnem(), "FIN") {
			switch size {
			case 4:
				return tF32, 1
			case 8:
				return tF64, 1
			}
			return tF128, 1 // the smallest that 80 bits fit in
		}
	case isa.Cmpxchg:
		if size == 16 {
			return tI64, 2
		}
	}
	switch size {
	case 1:
		return tI8, 1
	case 2:
		return tI16, 1
	case 4:
		return tI32, 1
	case 8:
		return tI64, 1
	case 16:
		return tV128, 1
	case 32:
		return tV256, 1
	case 64:
		return tV512, 1
	}
	return tNone, 0
}

// aluType is the type of the result that an instruction computes; tNone if it only moves data or control.
func aluType(in *tool.Inst) valueType {
	switch c := in.Class(); c {
	case isa.AluAdd, isa.AluAdc, isa.AluAnd, isa.AluOr, isa.AluXor, isa.AluCmp, isa.AluTest, isa.Lea, isa.Mul, isa.Div, isa.Shift,
		isa.Rot, isa.Bt, isa.Bextr, isa.Bmi1, isa.Pdep, isa.Ctz, isa.Clz, isa.Popcnt, isa.Crc32, isa.Bswap, isa.Ext, isa.Xadd, isa.Cmpxchg:
		for _, o := range in.Operands(nil) {
			if o.Kind == amd64.OpReg && o.Class == amd64.CGPR || o.Kind == amd64.OpMem {
				return intType(int(o.Width))
			}
		}
		return intType(int(in.OpSize))
	case isa.Cmov, isa.Setcc, isa.CtlJcc:
		return tI1
	case isa.KBit, isa.KAdd, isa.KShift, isa.KTest, isa.KMask:
		return tI64
	case isa.X87Arith, isa.X87Cmp:
		return tF64
	case isa.VLaneFp, isa.VFcomi, isa.VFpcmpk, isa.VCvt:
		if in.Row.Attr&amd64.AScalar != 0 {
			if in.Row.Type == amd64.TypeF64 || in.Row.Type == amd64.TypeNone && in.Row.Elem == 8 {
				return tF64
			}
			return tF32
		}
		return vectorType(in)
	case isa.VSteer, isa.VExt, isa.VTrunc, isa.VSatnarrow, isa.VMovmsk, isa.VPermvar, isa.VBlendv, isa.VShift, isa.VShiftvar, isa.VAnd,
		isa.VOr, isa.VXor, isa.VTernlog, isa.VTest, isa.VKtest, isa.VCmpeq, isa.VCmpgt, isa.VCmpk, isa.VLaneInt, isa.VCount, isa.VHoriz,
		isa.VCrypto, isa.VPcmpstr:
		return vectorType(in)
	}
	return tNone
}

func intType(size int) valueType {
	switch size {
	case 1:
		return tI8
	case 2:
		return tI16
	case 4:
		return tI32
	}
	return tI64
}

func vectorType(in *tool.Inst) valueType {
	if in.Space == amd64.SpLegacy {
		return tV128
	}
	return [...]valueType{tV128, tV256, tV512}[min(in.L, 2)]
}
