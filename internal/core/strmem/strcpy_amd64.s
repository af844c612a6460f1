#include "go_asm.h"
#include "macros.h"

// String copies look at 16 bytes of the source, within a page, for the end and for shadow bytes that are not 0; such bytes are
// copied one by one, by accesses that the tool checks.

// CHUNK: X0 = 16 bytes of the source, R8 = bits of those that are 0 or bad, R9 of those that are bad. To slow if the first one is,
// or if there may be no 16. X5 is 0. Clobbers CX X1 X2.
#define CHUNK(slow) \
	NOCROSS(SI, slow) \
	MOVOU (SI)(GS*1), X1 \
	PCMPEQB X5, X1 \
	PMOVMSKB X1, R9 \
	XORL $0xffff, R9 \
	BTL $0, R9 \
	JCS slow \
	TRUST; MOVOU (SI), X0 \
	MOVO X0, X2 \
	PCMPEQB X5, X2 \
	PMOVMSKB X2, R8 \
	ORL R9, R8

// PUT16 stores X0 to DI, or goes to slow. Clobbers CX X2 X3.
#define PUT16(slow, l) \
	MOVOU (DI)(GS*1), X2 \
	PXOR X3, X3 \
	PCMPGTB X2, X3 \
	PCMPEQB X2, X3 \
	PMOVMSKB X3, CX \
	CMPL CX, $0xffff \
	JNE slow \
	PCMPEQB X5, X2 \
	PMOVMSKB X2, CX \
	CMPL CX, $0xffff \
	JEQ l \
	MOVOU X5, (DI)(GS*1) \
l: \
	TRUST; MOVOU X0, (DI)

// STRINGCOPY copies the string at SI with its end to DI and goes on at end, where both are at the end. Clobbers CX DX R8 R9 R11 X0-X5.
// As in Memcheck, the end is stored by an instruction of its own: it is a finding of its own.
#define STRINGCOPY(end) \
	PXOR X5, X5 \
	NOWILD(SI, slow) \
	NOWILD(DI, slow) \
chunk: \
	CHUNK(slow) \
	JNE part \
	PUT16(slow, put) \
	ADDQ $16, SI \
	ADDQ $16, DI \
	JMP chunk \
part: \
	BSFL R8, R8 \
	BTL R8, R9 \
	JCS slow \
	CMPL R8, $7 \
	JCS part4 \
	LEAQ -7(DI)(R8*1), R11 \
	MOVQ (DI)(GS*1), R9 \
	MOVQ (R11)(GS*1), DX \
	LEAQ 1(R9), CX \
	CMPQ CX, $1 \
	JHI slow \
	LEAQ 1(DX), CX \
	CMPQ CX, $1 \
	JHI slow \
	XORL CX, CX \
	ORQ R9, DX \
	JEQ put8 \
	MOVQ CX, (DI)(GS*1) \
	MOVQ CX, (R11)(GS*1) \
put8: \
	TRUST; MOVQ (SI), CX \
	TRUST; MOVQ -7(SI)(R8*1), R9 \
	TRUST; MOVQ CX, (DI) \
	TRUST; MOVQ R9, (R11) \
	ADDQ R8, SI \
	ADDQ R8, DI \
	JMP end \
part4: \
	CMPL R8, $3 \
	JCS slow \
	LEAQ -3(DI)(R8*1), R11 \
	MOVL (DI)(GS*1), R9 \
	MOVL (R11)(GS*1), DX \
	LEAL 1(R9), CX \
	CMPL CX, $1 \
	JHI slow \
	LEAL 1(DX), CX \
	CMPL CX, $1 \
	JHI slow \
	XORL CX, CX \
	ORL R9, DX \
	JEQ put4 \
	MOVL CX, (DI)(GS*1) \
	MOVL CX, (R11)(GS*1) \
put4: \
	TRUST; MOVL (SI), CX \
	TRUST; MOVL -3(SI)(R8*1), R9 \
	TRUST; MOVL CX, (DI) \
	TRUST; MOVL R9, (R11) \
	ADDQ R8, SI \
	ADDQ R8, DI \
	JMP end \
slow: \
	MOVB (SI), CX \
	TESTB CX, CX \
	JEQ last \
	MOVB CX, (DI) \
	INCQ SI \
	INCQ DI \
	TESTL $15, SI \
	JNE slow \
	JMP chunk \
last: \
	MOVB CX, (DI) \
	JMP end

// OVERLAPS goes on at clean if the bytes of [dst, DI] and [src, SI] do not overlap. Clobbers CX.
#define OVERLAPS(dst, src, clean) \
	CMPQ DI, src \
	JCS clean \
	CMPQ SI, dst \
	JCS clean

// char *strcpy(DI, SI)
TEXT ·strcpy(SB),NOSPLIT|NOFRAME,$0
	MOVQ DI, AX
	MOVQ SI, R10
	STRINGCOPY(end)
end:
	OVERLAPS(AX, R10, clean)
	MOVQ AX, DI
	MOVQ R10, SI
	REQUEST(const_ReqOverlapString)
clean:
	RET
	END

// char *stpcpy(DI, SI)
TEXT ·stpcpy(SB),NOSPLIT|NOFRAME,$0
	MOVQ DI, AX
	MOVQ SI, R10
	STRINGCOPY(end)
end:
	OVERLAPS(AX, R10, clean)
	XCHGQ AX, DI
	MOVQ R10, SI
	REQUEST(const_ReqOverlapString)
	RET
clean:
	MOVQ DI, AX
	RET
	END

// char *__strcpy_chk(DI, SI, DX): DX is the size of the destination.
TEXT ·strcpyChk(SB),NOSPLIT|NOFRAME,$0
	MOVQ DI, AX
	MOVQ DX, R10
	STRINGCOPY(end)
end:
	SUBQ AX, DI
	CMPQ DI, R10
	JCC overflow
	RET
overflow:
	REQUEST(const_ReqOverflow)
	RET
	END

// char *__stpcpy_chk(DI, SI, DX)
TEXT ·stpcpyChk(SB),NOSPLIT|NOFRAME,$0
	MOVQ DI, AX
	MOVQ DX, R10
	STRINGCOPY(end)
end:
	MOVQ DI, CX
	SUBQ AX, CX
	MOVQ DI, AX
	CMPQ CX, R10
	JCC overflow
	RET
overflow:
	REQUEST(const_ReqOverflow)
	RET
	END

// STRINGEND moves DI to the end of its string. Clobbers CX R9 X0 X1 X5.
#define STRINGEND \
	PXOR X5, X5 \
	NOWILD(DI, sslow) \
scan: \
	NOCROSS(DI, sslow) \
	MOVOU (DI)(GS*1), X1 \
	PCMPEQB X5, X1 \
	PMOVMSKB X1, R9 \
	XORL $0xffff, R9 \
	BTL $0, R9 \
	JCS sslow \
	TRUST; MOVOU (DI), X0 \
	PCMPEQB X5, X0 \
	PMOVMSKB X0, CX \
	ORL R9, CX \
	JNE sfound \
	ADDQ $16, DI \
	JMP scan \
sfound: \
	BSFL CX, CX \
	ADDQ CX, DI \
	BTL CX, R9 \
	JCC send \
sslow: \
	CMPB (DI), $0 \
	JEQ send \
	INCQ DI \
	TESTL $15, DI \
	JNE sslow \
	JMP scan \
send:

// char *strcat(DI, SI)
TEXT ·strcat(SB),NOSPLIT|NOFRAME,$0
	MOVQ DI, AX
	MOVQ SI, R10
	STRINGEND
	STRINGCOPY(end)
end:
	OVERLAPS(AX, R10, clean)
	MOVQ AX, DI
	MOVQ R10, SI
	REQUEST(const_ReqOverlapString)
clean:
	RET
	END

// char *strncat(DI, SI, DX)
TEXT ·strncat(SB),NOSPLIT|NOFRAME,$0
	MOVQ DI, AX
	MOVQ SI, R10
	MOVQ DX, R11
	STRINGEND
copy:
	TESTQ R11, R11
	JEQ full
	MOVB (SI), CX
	TESTB CX, CX
	JEQ full
	MOVB CX, (DI)
	INCQ SI
	INCQ DI
	DECQ R11
	JMP copy
full:
	MOVB $0, (DI)
	OVERLAPS(AX, R10, clean)
	MOVQ AX, DI
	MOVQ R10, SI
	REQUEST(const_ReqOverlap)
clean:
	RET
	END

// BOUNDED copies at most R11 bytes of the string at SI, without its end, to DI; R11 is then how many are left. Clobbers CX R8 R9 X0-X5.
#define BOUNDED \
	PXOR X5, X5 \
	NOWILD(SI, slow) \
	NOWILD(DI, slow) \
chunk: \
	CMPQ R11, $16 \
	JCS slow \
	CHUNK(slow) \
	JNE slow \
	PUT16(slow, put) \
	ADDQ $16, SI \
	ADDQ $16, DI \
	SUBQ $16, R11 \
	JMP chunk \
slow: \
	TESTQ R11, R11 \
	JEQ end \
	MOVB (SI), CX \
	TESTB CX, CX \
	JEQ end \
	MOVB CX, (DI) \
	INCQ SI \
	INCQ DI \
	DECQ R11 \
	TESTL $15, SI \
	JNE slow \
	JMP chunk \
end:

// PAD fills R11 bytes at DI with 0. Clobbers CX R11 X0 X2 X3.
#define PAD \
	PXOR X5, X5 \
	PXOR X0, X0 \
	NOWILD(DI, pslow) \
pad: \
	CMPQ R11, $16 \
	JCS pslow \
	PUT16(pslow, pput) \
	ADDQ $16, DI \
	SUBQ $16, R11 \
	JMP pad \
pslow: \
	TESTQ R11, R11 \
	JEQ padded \
	MOVB $0, (DI) \
	INCQ DI \
	DECQ R11 \
	TESTL $15, R11 \
	JNE pslow \
	JMP pad \
padded:

// BOUNDEDOVERLAP reports that [AX, AX+DX) overlaps [R10, SI], with the places where the copy has ended, as Memcheck names them: SI and
// DI. R11 bytes are left. It changes R11.
#define BOUNDEDOVERLAP \
	MOVQ SI, CX \
	TESTQ R11, R11 \
	JNE 2(PC) \
	DECQ CX \
	CMPQ CX, AX \
	JCS apart \
	LEAQ (AX)(DX*1), CX \
	CMPQ R10, CX \
	JCC apart \
	TESTQ DX, DX \
	JEQ apart \
	REQUEST(const_ReqOverlap) \
	MOVQ DI, R11 \
	SUBQ AX, R11 \
	SUBQ DX, R11 \
	NEGQ R11 \
apart:

// char *strncpy(DI, SI, DX)
TEXT ·strncpy(SB),NOSPLIT|NOFRAME,$0
	MOVQ DI, AX
	MOVQ SI, R10
	MOVQ DX, R11
	BOUNDED
	BOUNDEDOVERLAP
	PAD
	RET
	END

// char *stpncpy(DI, SI, DX)
TEXT ·stpncpy(SB),NOSPLIT|NOFRAME,$0
	MOVQ DI, AX
	MOVQ SI, R10
	MOVQ DX, R11
	BOUNDED
	BOUNDEDOVERLAP
	MOVQ DI, AX
	PAD
	RET
	END

// size_t strlcpy(DI, SI, DX)
TEXT ·strlcpy(SB),NOSPLIT|NOFRAME,$0
	MOVQ DI, AX
	MOVQ SI, R10
	MOVQ DX, R11
	TESTQ DX, DX
	JEQ rest
	DECQ R11
	BOUNDED
	MOVB $0, (DI)
	OVERLAPS(AX, R10, rest)
	MOVQ SI, R8
	MOVQ AX, DI
	MOVQ R10, SI
	REQUEST(const_ReqOverlap)
	MOVQ R8, SI
rest:
	CMPB (SI), $0
	JEQ done
	INCQ SI
	JMP rest
done:
	MOVQ SI, AX
	SUBQ R10, AX
	RET
	END
