#include "textflag.h"

// PREFETCHW (AX): for writing; processors without it take it for nothing.
#define PREFETCHW BYTE $0x0f; BYTE $0x0d; BYTE $0x08

// func prefetch(p uintptr)
TEXT ·prefetch(SB),NOSPLIT|NOFRAME,$0-8
	MOVQ	p+0(FP), AX
	PREFETCHW
	RET

// NEXT goes to the next line, but not beyond DX.
#define NEXT ADDQ $64, AX; CMPQ AX, DX; CMOVQHI DX, AX; PREFETCHW

// func prefetchAll(p, n uintptr): always the same number of instructions, as jumps by the length could not be foreseen.
TEXT ·prefetchAll(SB),NOSPLIT|NOFRAME,$0-16
	MOVQ	p+0(FP), AX
	MOVQ	n+8(FP), DX
	LEAQ	-1(AX)(DX*1), DX
	PREFETCHW
	NEXT
	NEXT
	NEXT
	NEXT
	NEXT
	NEXT
	NEXT
	RET

// func fillMem(p, n uintptr, pattern *[fillSize]byte): keeps X15, which Go wants to be 0.
TEXT ·fillMem(SB),NOSPLIT|NOFRAME,$0-24
	MOVQ	p+0(FP), DI
	MOVQ	n+8(FP), CX
	MOVQ	pattern+16(FP), SI
	CMPQ	CX, $32
	JB	short
	VMOVDQU	(SI), Y0
	LEAQ	-32(DI)(CX*1), DX                 // the last 32 bytes, which may overlap those before
	CMPQ	CX, $64
	JBE	last
	SUBQ	$32, DX
loop:
	VMOVDQU	Y0, (DI)
	VMOVDQU	Y0, 32(DI)
	ADDQ	$64, DI
	CMPQ	DI, DX
	JB	loop
	VMOVDQU	Y0, (DX)
	VMOVDQU	Y0, 32(DX)
	VZEROUPPER
	RET
last:
	VMOVDQU	Y0, (DI)
	VMOVDQU	Y0, (DX)
	VZEROUPPER
	RET
short:
	MOVQ	(SI), AX
	CMPQ	CX, $8
	JB	bytes
	MOVQ	AX, (DI)
	MOVQ	AX, -8(DI)(CX*1)
	CMPQ	CX, $16
	JBE	done
	MOVQ	AX, 8(DI)
	MOVQ	AX, -16(DI)(CX*1)
done:
	RET
bytes:
	TESTQ	CX, CX
	JEQ	done
	MOVB	AX, -1(DI)(CX*1)
	DECQ	CX
	JMP	bytes
