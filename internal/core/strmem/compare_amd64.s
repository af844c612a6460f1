#include "go_asm.h"
#include "macros.h"

// Comparisons take 16 bytes of both sides where these lie in one page each. From the first byte whose shadow is not 0 on, bytes
// are compared one by one, by accesses that the tool checks.

// int strcmp(DI, SI)
TEXT ·strcmp(SB),NOSPLIT|NOFRAME,$0
	MOVQ DI, AX
	PXOR X5, X5
	NOWILD(DI, slow)
	NOWILD(SI, slow)
chunk:
	PAIR(slow)
	JNE found
	ADDQ $16, AX
	ADDQ $16, SI
	JMP chunk
found:
	BSFL R8, CX
	ADDQ CX, AX
	ADDQ CX, SI
	BTL CX, R9
	JCS slow
	TRUST; MOVBLZX (AX), AX
	TRUST; MOVBLZX (SI), CX
	SUBL CX, AX
	RET
slow:
	MOVBLZX (AX), CX
	MOVBLZX (SI), DX
	CMPB CX, DX
	JNE differ
	TESTB CX, CX
	JEQ same
	INCQ AX
	INCQ SI
	JMP chunk
differ:
	// Which of them is less is a second question, as for Memcheck, and decides about the result.
	CMPB CX, DX
	JCS less
	MOVL $1, AX
	RET
less:
	MOVL $-1, AX
	RET
same:
	XORL AX, AX
	RET
	END

// int strncmp(DI, SI, DX)
TEXT ·strncmp(SB),NOSPLIT|NOFRAME,$0
	TESTQ DX, DX
	JEQ same
	MOVQ DI, AX
	PXOR X5, X5
	NOWILD(DI, slow)
	NOWILD(SI, slow)
chunk:
	PAIR(slow)
	JNE found
	SUBQ $16, DX
	JLS same
	ADDQ $16, AX
	ADDQ $16, SI
	JMP chunk
found:
	BSFL R8, CX
	CMPQ DX, CX
	JLS same
	SUBQ CX, DX
	ADDQ CX, AX
	ADDQ CX, SI
	BTL CX, R9
	JCS slow
	TRUST; MOVBLZX (AX), AX
	TRUST; MOVBLZX (SI), CX
	SUBL CX, AX
	RET
slow:
	// The questions and their order are those of Memcheck's function.
	MOVBLZX (AX), CX
	MOVBLZX (SI), R8
	TESTB CX, CX
	JEQ zero
	TESTB R8, R8
	JEQ greater
	CMPB CX, R8
	JCS less
	CMPB CX, R8
	JHI greater
	INCQ AX
	INCQ SI
	DECQ DX
	JNE chunk
same:
	XORL AX, AX
	RET
zero:
	TESTB R8, R8
	JEQ same
less:
	MOVL $-1, AX
	RET
greater:
	MOVL $1, AX
	RET
	END

// int memcmp(DI, SI, DX)
TEXT ·memcmp(SB),NOSPLIT|NOFRAME,$0
	MOVQ DI, AX
	PXOR X5, X5
	NOWILD(DI, slow)
	NOWILD(SI, slow)
chunk:
	CMPQ DX, $16
	JCS rest
	MOVOU (AX)(GS*1), X2
	MOVOU (SI)(GS*1), X3
	POR X3, X2
	PCMPEQB X5, X2
	PMOVMSKB X2, R9
	XORL $0xffff, R9
	JNE some
load:
	TRUST; MOVOU (AX), X0
	TRUST; MOVOU (SI), X1
	PCMPEQB X1, X0
	PMOVMSKB X0, R8
	XORL $0xffff, R8
	ORL R9, R8
	JNE found
	SUBQ $16, DX
	ADDQ $16, AX
	ADDQ $16, SI
	JMP chunk
found:
	BSFL R8, CX
	SUBQ CX, DX
	ADDQ CX, AX
	ADDQ CX, SI
	BTL CX, R9
	JCS slow
	TRUST; MOVBLZX (AX), AX
	TRUST; MOVBLZX (SI), CX
	SUBL CX, AX
	RET
some:
	// Bytes that are not there must not be loaded.
	BTL $0, R9
	JCS slow
	NOCROSS(AX, slow)
	NOCROSS(SI, slow)
	JMP load
rest:
	CMPQ DX, $8
	JCS slow
	MOVQ (AX)(GS*1), R8
	ORQ (SI)(GS*1), R8
	JNE slow
	TRUST; MOVQ (AX), R8
	TRUST; CMPQ R8, (SI)
	JNE slow
	SUBQ $8, DX
	ADDQ $8, AX
	ADDQ $8, SI
slow:
	TESTQ DX, DX
	JEQ same
	MOVBLZX (AX), CX
	MOVBLZX (SI), R8
	CMPB CX, R8
	JNE differ
	INCQ AX
	INCQ SI
	DECQ DX
	CMPQ DX, $16
	JCC chunk
	JMP slow
same:
	XORL AX, AX
	RET
differ:
	MOVL CX, AX
	SUBL R8, AX
	RET
	END
