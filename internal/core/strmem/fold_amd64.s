#include "go_asm.h"
#include "macros.h"

// Functions that take upper and lower case for the same. What is the same is the locale's affair, so they ask the library that they
// replace functions of: CALLEE stands for its tolower or tolower_l (rows.go says which).
// That and what it finds wrong is seen as for Memcheck, whose functions ask it, too, and about the same characters in the same order.
// Equal bytes are equal in any locale, so 16 of them are taken at once, as in compare_amd64.s.
//
// These routines have a stack frame of FRAME bytes between their first instruction and their RET, the only one.

// What is in it while the library runs.
#define FIRST 0(SP)
#define SECOND 8(SP)
#define LOCALE 16(SP)
#define REST 24(SP)
#define CHAR 32(SP)
#define CHAR2 40(SP)
#define LOW 48(SP)

// EQUAL is PAIR for sides that the library may have been asked about in between.
#define EQUAL(slow) \
	PXOR X5, X5 \
	NOWILD(AX, slow) \
	NOWILD(SI, slow) \
	PAIR(slow)

// CALLLIB calls what is at CALLEE: New puts the distance in the place of callMark.
#define CALLLIB BYTE $0xe8; LONG $const_callMark

// CALLEE is the routine's last instruction; what it calls stands in for it.
#define CALLEE UD2

// LOWER: AX = the lower case of c.
#define LOWER(c) \
	MOVL c, DI \
	MOVQ LOCALE, SI \
	CALLLIB

// int strcasecmp(DI, SI), int strcasecmp_l(DI, SI, DX)
TEXT ·strcasecmp(SB),NOSPLIT|NOFRAME,$0
	SUBQ $const_frame, SP
	MOVQ DX, LOCALE
	MOVQ DI, AX
chunk:
	EQUAL(slow)
	JNE found
	ADDQ $16, AX
	ADDQ $16, SI
	JMP chunk
found:
	BSFL R8, CX
	ADDQ CX, AX
	ADDQ CX, SI
slow:
	MOVQ AX, FIRST
	MOVQ SI, SECOND
	MOVBLZX (AX), AX
	LOWER(AX)
	MOVL AX, LOW
	MOVQ SECOND, CX
	MOVBLZX (CX), CX
	LOWER(CX)
	MOVL LOW, CX
	CMPL CX, AX
	JNE differ
	TESTL AX, AX
	JEQ out
	MOVQ FIRST, AX
	MOVQ SECOND, SI
	INCQ AX
	INCQ SI
	JMP chunk
differ:
	CMPB CX, AX
	MOVL $1, AX
	JHI out
	MOVL $-1, AX
out:
	ADDQ $const_frame, SP
	RET
	CALLEE
	END

// int strncasecmp(DI, SI, DX), int strncasecmp_l(DI, SI, DX, CX)
TEXT ·strncasecmp(SB),NOSPLIT|NOFRAME,$0
	SUBQ $const_frame, SP
	MOVQ CX, LOCALE
	MOVQ DI, AX
	TESTQ DX, DX
	JEQ same
chunk:
	EQUAL(slow)
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
slow:
	// The questions and their order are those of Memcheck's function: which character is less is two of them.
	MOVBLZX (AX), R8
	MOVBLZX (SI), R9
	TESTB R8, R8
	JEQ zero
	TESTB R9, R9
	JEQ greater
	MOVQ AX, FIRST
	MOVQ SI, SECOND
	MOVQ DX, REST
	MOVL R8, CHAR
	MOVL R9, CHAR2
	LOWER(CHAR)
	MOVL AX, LOW
	LOWER(CHAR2)
	CMPL LOW, AX
	JLT less
	LOWER(CHAR)
	MOVL AX, LOW
	LOWER(CHAR2)
	CMPL LOW, AX
	JGT greater
	MOVQ FIRST, AX
	MOVQ SECOND, SI
	MOVQ REST, DX
	INCQ AX
	INCQ SI
	DECQ DX
	JNE chunk
same:
	XORL AX, AX
	JMP out
zero:
	TESTB R9, R9
	JEQ same
less:
	MOVL $-1, AX
	JMP out
greater:
	MOVL $1, AX
out:
	ADDQ $const_frame, SP
	RET
	CALLEE
	END

// char *strcasestr(DI, SI)
TEXT ·strcasestr(SB),NOSPLIT|NOFRAME,$0
	SUBQ $const_frame, SP
	MOVQ DI, FIRST
	MOVQ SI, SECOND
	XORL DX, DX
length:
	MOVBLZX (SI)(DX*1), CX
	TESTB CX, CX
	JEQ measured
	INCQ DX
	JMP length
measured:
	TESTQ DX, DX
	JEQ found
	MOVQ DX, LOCALE // the length: there is no locale
	MOVBLZX (SI), CX
	LOWER(CX)
	MOVL AX, CHAR
next:
	MOVQ FIRST, CX
	MOVBLZX (CX), CX
	LOWER(CX)
	TESTL AX, AX
	JEQ none
	CMPL AX, CHAR
	JNE differ
	MOVQ $0, REST
compare:
	MOVQ SECOND, CX
	MOVQ REST, DX
	MOVBLZX (CX)(DX*1), CX
	LOWER(CX)
	MOVL AX, LOW
	MOVQ FIRST, CX
	MOVQ REST, DX
	MOVBLZX (CX)(DX*1), CX
	LOWER(CX)
	CMPL AX, LOW
	JNE differ
	INCQ REST
	MOVQ REST, DX
	CMPQ DX, LOCALE
	JCS compare
found:
	MOVQ FIRST, AX
	JMP out
differ:
	INCQ FIRST
	JMP next
none:
	XORL AX, AX
out:
	ADDQ $const_frame, SP
	RET
	CALLEE
	END
