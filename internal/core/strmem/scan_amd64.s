#include "go_asm.h"
#include "macros.h"

// Searches go through aligned chunks of 16 bytes, which lie in one page. Within a chunk the first byte counts that ends the
// search or whose shadow is not 0. From the latter on bytes are looked at one by one, by accesses that the tool checks.

// FIRST loads the chunk of address DI: AX = its address, R8 = bits of the bytes from DI on that match or are bad. The
// byte at DI itself is loaded, too: an address with undefined bits is found at it. Clobbers CX.
#define FIRST(MATCH, slow) \
	MOVQ DI, AX \
	PXOR X5, X5 \
	NOWILD(DI, slow) \
	ANDQ $-16, AX \
	BAD \
	MOVL DI, CX \
	ANDL $15, CX \
	MOVL $-1, R8 \
	SHLL CX, R8 \
	BTL CX, R9 \
	JCS slow \
	TRUST; MOVB (DI), CX \
	TRUST; MOVOU (AX), X0 \
	MATCH \
	PMOVMSKB X0, CX \
	ORL R9, CX \
	ANDL CX, R8

// NEXT is the same for the chunk at AX.
#define NEXT(MATCH, slow) \
	BAD \
	BTL $0, R9 \
	JCS slow \
	TRUST; MOVOU (AX), X0 \
	MATCH \
	PMOVMSKB X0, R8 \
	ORL R9, R8

#define ZERO PCMPEQB X5, X0
#define CHAR PCMPEQB X6, X0
#define EITHER \
	MOVO X0, X2 \
	PCMPEQB X5, X0 \
	PCMPEQB X6, X2 \
	POR X2, X0

// size_t strlen(DI)
TEXT ·strlen(SB),NOSPLIT|NOFRAME,$0
	FIRST(ZERO, start)
	JNE found
next:
	ADDQ $16, AX
chunk:
	NEXT(ZERO, slow)
	JEQ next
found:
	BSFL R8, CX
	ADDQ CX, AX
	BTL CX, R9
	JCC done
slow:
	CMPB (AX), $0
	JEQ done
	INCQ AX
	TESTL $15, AX
	JEQ chunk
	JMP slow
start:
	MOVQ DI, AX
	JMP slow
done:
	SUBQ DI, AX
	RET
	END

// size_t strnlen(DI, SI)
TEXT ·strnlen(SB),NOSPLIT|NOFRAME,$0
	XORL AX, AX
	TESTQ SI, SI
	JEQ out
	MOVQ DI, R10
	ADDQ SI, R10
	JCC 2(PC)
	MOVQ $-1, R10
	FIRST(ZERO, start)
	JNE found
next:
	ADDQ $16, AX
chunk:
	CMPQ AX, R10
	JCC done
	NEXT(ZERO, slow)
	JEQ next
found:
	BSFL R8, CX
	ADDQ CX, AX
	CMPQ AX, R10
	JCC done
	BTL CX, R9
	JCC done
slow:
	CMPB (AX), $0
	JEQ done
	INCQ AX
	CMPQ AX, R10
	JCC done
	TESTL $15, AX
	JEQ chunk
	JMP slow
start:
	MOVQ DI, AX
	JMP slow
done:
	CMPQ AX, R10
	CMOVQHI R10, AX
	SUBQ DI, AX
out:
	RET
	END

// char *strchr(DI, SI)
TEXT ·strchr(SB),NOSPLIT|NOFRAME,$0
	SPLAT(SI, X6)
	FIRST(EITHER, start)
	JNE found
next:
	ADDQ $16, AX
chunk:
	NEXT(EITHER, slow)
	JEQ next
found:
	BSFL R8, CX
	ADDQ CX, AX
	BTL CX, R9
	JCS slow
	TRUST; MOVB (AX), CX
	CMPB CX, SI
	JEQ out
none:
	XORL AX, AX
out:
	RET
slow:
	MOVB (AX), CX
	CMPB CX, SI
	JEQ out
	TESTB CX, CX
	JEQ none
	INCQ AX
	TESTL $15, AX
	JEQ chunk
	JMP slow
start:
	MOVQ DI, AX
	JMP slow
	END

// char *strchrnul(DI, SI)
TEXT ·strchrnul(SB),NOSPLIT|NOFRAME,$0
	SPLAT(SI, X6)
	FIRST(EITHER, start)
	JNE found
next:
	ADDQ $16, AX
chunk:
	NEXT(EITHER, slow)
	JEQ next
found:
	BSFL R8, CX
	ADDQ CX, AX
	BTL CX, R9
	JCS slow
out:
	RET
slow:
	MOVB (AX), CX
	CMPB CX, SI
	JEQ out
	TESTB CX, CX
	JEQ out
	INCQ AX
	TESTL $15, AX
	JEQ chunk
	JMP slow
start:
	MOVQ DI, AX
	JMP slow
	END

// void *rawmemchr(DI, SI)
TEXT ·rawmemchr(SB),NOSPLIT|NOFRAME,$0
	SPLAT(SI, X6)
	FIRST(CHAR, start)
	JNE found
next:
	ADDQ $16, AX
chunk:
	NEXT(CHAR, slow)
	JEQ next
found:
	BSFL R8, CX
	ADDQ CX, AX
	BTL CX, R9
	JCS slow
	RET
slow:
	CMPB (AX), SI
	JEQ out
	INCQ AX
	TESTL $15, AX
	JEQ chunk
	JMP slow
start:
	MOVQ DI, AX
	JMP slow
out:
	RET
	END

// void *memchr(DI, SI, DX)
TEXT ·memchr(SB),NOSPLIT|NOFRAME,$0
	TESTQ DX, DX
	JEQ none
	MOVQ DI, R10
	ADDQ DX, R10
	JCC 2(PC)
	MOVQ $-1, R10
	SPLAT(SI, X6)
	FIRST(CHAR, start)
	JNE found
next:
	ADDQ $16, AX
chunk:
	CMPQ AX, R10
	JCC none
	NEXT(CHAR, slow)
	JEQ next
found:
	BSFL R8, CX
	ADDQ CX, AX
	CMPQ AX, R10
	JCC none
	BTL CX, R9
	JCS slow
	RET
slow:
	CMPB (AX), SI
	JEQ out
	INCQ AX
	CMPQ AX, R10
	JCC none
	TESTL $15, AX
	JEQ chunk
	JMP slow
start:
	MOVQ DI, AX
	JMP slow
none:
	XORL AX, AX
out:
	RET
	END

// void *memrchr(DI, SI, DX)
TEXT ·memrchr(SB),NOSPLIT|NOFRAME,$0
	LEAQ (DI)(DX*1), AX
loop:
	CMPQ AX, DI
	JEQ none
	DECQ AX
	CMPB (AX), SI
	JNE loop
	RET
none:
	XORL AX, AX
	RET
	END

// char *strrchr(DI, SI): R10 is the last match so far.
TEXT ·strrchr(SB),NOSPLIT|NOFRAME,$0
	XORL R10, R10
	SPLAT(SI, X6)
	MOVQ DI, AX
	PXOR X5, X5
	NOWILD(DI, slow)
	// Up to the first chunk byte by byte: strings are short.
slow:
	MOVB (AX), CX
	CMPB CX, SI
	CMOVQEQ AX, R10
	TESTB CX, CX
	JEQ done
	INCQ AX
	TESTL $15, AX
	JNE slow
chunk:
	BAD
	BTL $0, R9
	JCS slow
	TRUST; MOVOU (AX), X0
	MOVO X0, X2
	PCMPEQB X5, X0
	PCMPEQB X6, X2
	PMOVMSKB X0, R8
	PMOVMSKB X2, DX
	ORL R9, R8
	JNE found
	ADDQ $16, AX
	TESTL DX, DX
	JEQ chunk
	BSRL DX, CX
	LEAQ -16(AX)(CX*1), R10
	JMP chunk
found:
	BSFL R8, CX
	MOVL $1, R11
	SHLL CX, R11
	DECL R11
	ANDL R11, DX
	JEQ last
	BSRL DX, DX
	LEAQ (AX)(DX*1), R10
last:
	ADDQ CX, AX
	JMP slow
done:
	MOVQ R10, AX
	RET
	END
