#include "textflag.h"

// func copyBytes(dst, src unsafe.Pointer, n uintptr) uintptr
//
// rep movsb keeps RCX at the number of bytes left, also when it faults, so the way out is the same with and without a
// fault. It is the only instruction in [lo, hi) of CopyFault.
TEXT ·copyBytes(SB), NOSPLIT|NOFRAME, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	CLD
	JMP  copyLo<>(SB)

// copyLo is copyBytes' tail, apart so that its address can be taken. It has copyBytes' frame: arguments above the
// return address.
TEXT copyLo<>(SB), NOSPLIT|NOFRAME, $0-32
	REP
	MOVSB
	JMP copyResume<>(SB)

// copyResume counts: n - RCX. The way here is the jump after hi, or the signal handler.
TEXT copyResume<>(SB), NOSPLIT|NOFRAME, $0-32
	MOVQ n+16(FP), AX
	SUBQ CX, AX
	MOVQ AX, ret+24(FP)
	RET

// func copyRange() (lo, hi, resume uintptr)
TEXT ·copyRange(SB), NOSPLIT|NOFRAME, $0-24
	LEAQ copyLo<>(SB), AX
	MOVQ AX, lo+0(FP)
	ADDQ $2, AX // F3 A4
	MOVQ AX, hi+8(FP)
	LEAQ copyResume<>(SB), AX
	MOVQ AX, resume+16(FP)
	RET
