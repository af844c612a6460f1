#include "go_asm.h"
#include "macros.h"

// Copies move 16 bytes at a time, and their shadow with them, as long as all shadow bytes of both sides say defined (0) or
// undefined (0xff). Other bytes are copied by accesses that the tool checks, in pieces of the sizes that Memcheck reports: words if
// both sides are aligned to words, pairs if both are even, else bytes. Bit 0 of R10 is set where these are always bytes; the other bits tell that undefined bytes were copied.

// SHADES: t = 0xff where the byte of x is 0 or 0xff.
#define SHADES(x, t) \
	PXOR t, t \
	PCMPGTB x, t \
	PCMPEQB x, t

// MOVE16 copies from off(SI) to off(DI), or goes to slow having done nothing. l is a label of its own. Clobbers CX X0-X4.
#define MOVE16(off, slow, l) \
	MOVOU off(SI)(GS*1), X1 \
	MOVOU off(DI)(GS*1), X2 \
	SHADES(X1, X3) \
	SHADES(X2, X4) \
	PAND X3, X4 \
	PMOVMSKB X4, CX \
	CMPL CX, $0xffff \
	JNE slow \
	PMOVMSKB X1, CX \
	PCMPEQB X1, X2 \
	SHLL $1, CX \
	ORL CX, R10 \
	PMOVMSKB X2, CX \
	TRUST; MOVOU off(SI), X0 \
	CMPL CX, $0xffff \
	JEQ l \
	MOVOU X1, off(DI)(GS*1) \
l: \
	TRUST; MOVOU X0, off(DI)

// FORWARD copies DX bytes from SI to DI, upwards, and goes on at done. All three change. Words begin where both sides are aligned,
// also if the 16 bytes before were not: then a part is copied again. Clobbers CX R8 R9 R11 X0-X4.
#define FORWARD(done) \
	MOVQ SI, R11 \
	NOWILD(SI, slow) \
	NOWILD(DI, slow) \
	CMPQ DX, $const_LargeFill \
	JCS copy \
	CMPB (DI)(GS*1), $0xff \
	JNE copy \
	REQUEST(const_ReqCopy) \
	MOVQ SI, R11 \
copy: \
	CMPQ DX, $16 \
	JCS rest \
	CMPQ DX, $64 \
	JCS by16 \
by64: \
	MOVOU (SI)(GS*1), X0 \
	MOVOU (DI)(GS*1), X1 \
	MOVOU 16(SI)(GS*1), X2 \
	MOVOU 16(DI)(GS*1), X3 \
	POR X2, X0 \
	POR X3, X1 \
	MOVOU 32(SI)(GS*1), X2 \
	MOVOU 32(DI)(GS*1), X3 \
	POR X2, X0 \
	POR X3, X1 \
	MOVOU 48(SI)(GS*1), X2 \
	MOVOU 48(DI)(GS*1), X3 \
	POR X2, X0 \
	POR X3, X1 \
	POR X1, X0 \
	PXOR X1, X1 \
	PCMPEQB X1, X0 \
	PMOVMSKB X0, CX \
	CMPL CX, $0xffff \
	JNE by16 \
	TRUST; MOVOU (SI), X0 \
	TRUST; MOVOU 16(SI), X1 \
	TRUST; MOVOU 32(SI), X2 \
	TRUST; MOVOU 48(SI), X3 \
	TRUST; MOVOU X0, (DI) \
	TRUST; MOVOU X1, 16(DI) \
	TRUST; MOVOU X2, 32(DI) \
	TRUST; MOVOU X3, 48(DI) \
	ADDQ $64, SI \
	ADDQ $64, DI \
	SUBQ $64, DX \
	CMPQ DX, $64 \
	JCC by64 \
	JMP copy \
by16: \
	MOVE16(0, slow, same) \
	ADDQ $16, SI \
	ADDQ $16, DI \
	SUBQ $16, DX \
	JMP copy \
rest: \
	CMPQ DX, $8 \
	JCS rest4 \
	MOVQ (SI)(GS*1), R8 \
	MOVQ (DI)(GS*1), R9 \
	CMPQ R8, R9 \
	JNE shades8 \
	TESTQ R8, R8 \
	JEQ move8 \
	LEAQ 1(R8), CX \
	CMPQ CX, $1 \
	JHI slow \
	ORL $2, R10 \
move8: \
	TRUST; MOVQ (SI), CX \
	TRUST; MOVQ CX, (DI) \
	ADDQ $8, SI \
	ADDQ $8, DI \
	SUBQ $8, DX \
	JMP rest4 \
shades8: \
	LEAQ 1(R8), CX \
	CMPQ CX, $1 \
	JHI slow \
	LEAQ 1(R9), CX \
	CMPQ CX, $1 \
	JHI slow \
	MOVQ R8, (DI)(GS*1) \
	ANDL $2, R8 \
	ORL R8, R10 \
	JMP move8 \
rest4: \
	CMPQ DX, $4 \
	JCS rest1 \
	MOVL (SI)(GS*1), R8 \
	MOVL (DI)(GS*1), R9 \
	LEAL 1(R8), CX \
	CMPL CX, $1 \
	JHI slow \
	MOVL R8, CX \
	ANDL $2, CX \
	ORL CX, R10 \
	CMPL R8, R9 \
	JEQ move4 \
	LEAL 1(R9), CX \
	CMPL CX, $1 \
	JHI slow \
	MOVL R8, (DI)(GS*1) \
move4: \
	TRUST; MOVL (SI), CX \
	TRUST; MOVL CX, (DI) \
	ADDQ $4, SI \
	ADDQ $4, DI \
	SUBQ $4, DX \
rest1: \
	TESTQ DX, DX \
	JEQ done \
slow: \
	TESTL $1, R10 \
	JNE single \
	MOVL DI, CX \
	XORL SI, CX \
	TESTL $7, CX \
	JNE pairs \
	MOVL DI, CX \
	ANDL $7, CX \
	LEAQ (DX)(CX*1), R8 \
	CMPQ R8, $8 \
	JCS tail \
	SUBQ CX, SI \
	CMPQ SI, R11 \
	JCS ahead \
	SUBQ CX, DI \
	LEAQ -8(R8), DX \
	MOVQ (SI), CX \
	MOVQ CX, (DI) \
	ADDQ $8, SI \
	ADDQ $8, DI \
	JMP copy \
ahead: \
	ADDQ CX, SI \
	JMP single \
tail: \
	MOVQ SI, R8 \
	SUBQ CX, R8 \
	CMPQ R8, R11 \
	JCS single \
pairs: \
	MOVL DI, CX \
	ORL SI, CX \
	TESTL $1, CX \
	JNE single \
	CMPQ DX, $2 \
	JCS single \
	MOVW (SI), CX \
	MOVW CX, (DI) \
	ADDQ $2, SI \
	ADDQ $2, DI \
	SUBQ $2, DX \
	JMP copy \
single: \
	MOVB (SI), CX \
	MOVB CX, (DI) \
	INCQ SI \
	INCQ DI \
	DECQ DX \
	JMP copy

// BACKWARD is FORWARD downwards, for a destination that begins inside the source. SI and DI are the ends.
#define BACKWARD(done) \
down: \
	CMPQ DX, $16 \
	JCS last \
	MOVE16(-16, dslow, dsame) \
	SUBQ $16, SI \
	SUBQ $16, DI \
	SUBQ $16, DX \
	JMP down \
last: \
	TESTQ DX, DX \
	JEQ done \
dslow: \
	TESTL $1, R10 \
	JNE dsingle \
	MOVL DI, CX \
	ORL SI, CX \
	TESTL $7, CX \
	JNE dsingle \
	CMPQ DX, $8 \
	JCS dsingle \
	MOVQ -8(SI), CX \
	MOVQ CX, -8(DI) \
	SUBQ $8, SI \
	SUBQ $8, DI \
	SUBQ $8, DX \
	JMP down \
dsingle: \
	MOVB -1(SI), CX \
	MOVB CX, -1(DI) \
	DECQ SI \
	DECQ DI \
	DECQ DX \
	JMP down

// OVERLAP jumps to to if the DX bytes, not 0, at DI and at SI share one. Clobbers CX.
#define OVERLAP(to) \
	MOVQ DI, CX \
	SUBQ SI, CX \
	CMPQ CX, DX \
	JCS to \
	NEGQ CX \
	CMPQ CX, DX \
	JCS to

// KEEP keeps the arguments for RETURN.
#define KEEP \
	MOVQ DI, X8 \
	MOVQ SI, X9 \
	MOVQ DX, X10

// RETURN tells Go of undefined bytes that were copied and returns. New takes the mask out where nobody wants to know.
#define RETURN \
	TESTL $const_copiedMask, R10 \
	JEQ out \
	MOVQ X8, DI \
	MOVQ X9, SI \
	MOVQ X10, DX \
	REQUEST(const_ReqCopied) \
out: \
	RET

// MOVE copies in the direction that suits; DX is not 0.
#define MOVE(done) \
	KEEP \
	XORL R10, R10 \
	MOVQ DI, CX \
	SUBQ SI, CX \
	CMPQ CX, DX \
	JCC up \
	MOVEDOWN(done)

// MOVEBYTES is MOVE for a function that Memcheck's sources copy byte by byte, and downwards if the destination is higher.
#define MOVEBYTES(done) \
	KEEP \
	MOVL $1, R10 \
	CMPQ SI, DI \
	JCC up \
	MOVEDOWN(done)

#define MOVEDOWN(done) \
	NOWILD(SI, up) \
	NOWILD(DI, up) \
	ADDQ DX, SI \
	ADDQ DX, DI \
	BACKWARD(done) \
up: \
	FORWARD(done)

// void *memmove(DI, SI, DX)
TEXT ·memmove(SB),NOSPLIT|NOFRAME,$0
	MOVQ DI, AX
	TESTQ DX, DX
	JEQ out
	MOVE(done)
done:
	RETURN
	END

// void *memcpy(DI, SI, DX). Compilers copy structures to themselves by it: the same place is no overlap.
// void *memcpy(DI, SI, DX)
TEXT ·memcpy(SB),NOSPLIT|NOFRAME,$0
	MOVQ DI, AX
	TESTQ DX, DX
	JEQ out
	CMPQ DI, SI
	JEQ out
	OVERLAP(overlap)
go:
	MOVE(done)
done:
	RETURN
overlap:
	REQUEST(const_ReqOverlap)
	JMP go
	END

// void *mempcpy(DI, SI, DX)
TEXT ·mempcpy(SB),NOSPLIT|NOFRAME,$0
	LEAQ (DI)(DX*1), AX
	TESTQ DX, DX
	JEQ out
	OVERLAP(overlap)
go:
	MOVEBYTES(done)
done:
	RETURN
overlap:
	REQUEST(const_ReqOverlap)
	JMP go
	END

// void *__memcpy_chk(DI, SI, DX, CX): CX is the size of the destination.
TEXT ·memcpyChk(SB),NOSPLIT|NOFRAME,$0
	CMPQ CX, DX
	JCS overflow
	MOVQ DI, AX
	TESTQ DX, DX
	JEQ out
	OVERLAP(overlap)
go:
	MOVE(done)
done:
	RETURN
overlap:
	REQUEST(const_ReqOverlap)
	JMP go
overflow:
	REQUEST(const_ReqOverflow)
	RET
	END

// void *__memmove_chk(DI, SI, DX, CX)
TEXT ·memmoveChk(SB),NOSPLIT|NOFRAME,$0
	CMPQ CX, DX
	JCS overflow
	MOVQ DI, AX
	TESTQ DX, DX
	JEQ out
	MOVE(done)
done:
	RETURN
overflow:
	REQUEST(const_ReqOverflow)
	RET
	END

// void bcopy(DI from, SI to, DX)
TEXT ·bcopy(SB),NOSPLIT|NOFRAME,$0
	XCHGQ DI, SI
	MOVQ DI, AX
	TESTQ DX, DX
	JEQ out
	MOVE(done)
done:
	RETURN
	END

// void *memset(DI, SI, DX). What is defined of the value, R8, is in the shadow of a place below the stack pointer. R10 is 0 if only
// checked stores will do.
TEXT ·memset(SB),NOSPLIT|NOFRAME,$0
	MOVQ DI, AX
	TESTQ DX, DX
	JEQ done
	XORL R10, R10
	MOVQ SI, -8(SP)
	MOVBLZX -8(SP)(GS*1), R8
	LEAL 1(R8), CX
	TESTL $0xfe, CX
	JNE slow
	NOWILD(DI, slow)
	CMPQ DX, $const_LargeFill
	JCS told
	TESTL R8, R8
	JNE told
	CMPB (DI)(GS*1), $0xff
	JEQ tell
	LEAQ -1(DI)(DX*1), CX
	CMPB (CX)(GS*1), $0xff
	JNE told
tell:
	REQUEST(const_ReqFill)
told:
	MOVL $1, R10
	SPLAT(SI, X6)
	SPLAT(R8, X7)
	PXOR X5, X5
fill:
	CMPQ DX, $16
	JCS rest
	TESTL R8, R8
	JNE by16
	CMPQ DX, $64
	JCS by16
by64:
	MOVOU (DI)(GS*1), X0
	MOVOU 16(DI)(GS*1), X1
	MOVOU 32(DI)(GS*1), X2
	MOVOU 48(DI)(GS*1), X3
	POR X1, X0
	POR X3, X2
	POR X2, X0
	PCMPEQB X5, X0
	PMOVMSKB X0, CX
	CMPL CX, $0xffff
	JNE by16
	TRUST; MOVOU X6, (DI)
	TRUST; MOVOU X6, 16(DI)
	TRUST; MOVOU X6, 32(DI)
	TRUST; MOVOU X6, 48(DI)
	ADDQ $64, DI
	SUBQ $64, DX
	CMPQ DX, $64
	JCC by64
	JMP fill
by16:
	MOVOU (DI)(GS*1), X1
	SHADES(X1, X3)
	PMOVMSKB X3, CX
	CMPL CX, $0xffff
	JNE slow
	PCMPEQB X7, X1
	PMOVMSKB X1, CX
	CMPL CX, $0xffff
	JEQ same
	MOVOU X7, (DI)(GS*1)
same:
	TRUST; MOVOU X6, (DI)
	ADDQ $16, DI
	SUBQ $16, DX
	JMP fill
rest:
	CMPQ DX, $8
	JCS rest4
	MOVQ (DI)(GS*1), R9
	LEAQ 1(R9), CX
	CMPQ CX, $1
	JHI slow
	MOVQ X7, (DI)(GS*1)
	TRUST; MOVQ X6, (DI)
	ADDQ $8, DI
	SUBQ $8, DX
rest4:
	CMPQ DX, $4
	JCS rest1
	MOVL (DI)(GS*1), R9
	LEAL 1(R9), CX
	CMPL CX, $1
	JHI slow
	MOVL X7, (DI)(GS*1)
	TRUST; MOVL X6, (DI)
	ADDQ $4, DI
	SUBQ $4, DX
rest1:
	TESTQ DX, DX
	JEQ done
slow:
	MOVL DI, CX
	ANDL $7, CX
	LEAQ (DX)(CX*1), R9
	CMPQ R9, $8
	JCS single
	SUBQ CX, DI
	CMPQ DI, AX
	JCS ahead
	MOVQ R9, DX
	// Eight times the byte, with eight times its definedness.
	MOVB SI, -8(SP)
	MOVB SI, -7(SP)
	MOVB SI, -6(SP)
	MOVB SI, -5(SP)
	MOVB SI, -4(SP)
	MOVB SI, -3(SP)
	MOVB SI, -2(SP)
	MOVB SI, -1(SP)
	MOVQ -8(SP), CX
	MOVQ CX, (DI)
	ADDQ $8, DI
	SUBQ $8, DX
	JMP again
ahead:
	ADDQ CX, DI
single:
	MOVB SI, (DI)
	INCQ DI
	DECQ DX
again:
	TESTL R10, R10
	JNE fill
	TESTQ DX, DX
	JNE slow
done:
	RET
	END
