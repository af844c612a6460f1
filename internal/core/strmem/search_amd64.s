#include "go_asm.h"
#include "macros.h"

// Functions that are rarely hot: bytes one by one, by accesses that the tool checks.

// char *strstr(DI, SI)
TEXT ·strstr(SB),NOSPLIT|NOFRAME,$0
	MOVBLZX (SI), DX
	MOVQ DI, AX
	TESTL DX, DX
	JEQ out
first:
	MOVBLZX (AX), CX
	TESTL CX, CX
	JEQ none
	CMPL CX, DX
	JEQ compare
	INCQ AX
	JMP first
compare:
	MOVL $1, R8
more:
	MOVBLZX (SI)(R8*1), CX
	TESTL CX, CX
	JEQ out
	MOVBLZX (AX)(R8*1), R9
	CMPL CX, R9
	JNE differ
	INCQ R8
	JMP more
differ:
	INCQ AX
	JMP first
none:
	XORL AX, AX
out:
	RET
	END

// SPAN counts in AX the characters of DI up to the first for which a look at the set SI ends at stop: member or other.
#define SPAN(member, other) \
	XORL AX, AX \
next: \
	MOVBLZX (DI)(AX*1), CX \
	TESTL CX, CX \
	JEQ end \
	XORL R8, R8 \
look: \
	MOVBLZX (SI)(R8*1), R9 \
	TESTL R9, R9 \
	JEQ other \
	CMPL R9, CX \
	JEQ member \
	INCQ R8 \
	JMP look \
on: \
	INCQ AX \
	JMP next

// size_t strspn(DI, SI)
TEXT ·strspn(SB),NOSPLIT|NOFRAME,$0
	SPAN(on, end)
end:
	RET
	END

// size_t strcspn(DI, SI)
TEXT ·strcspn(SB),NOSPLIT|NOFRAME,$0
	SPAN(end, on)
end:
	RET
	END

// char *strpbrk(DI, SI)
TEXT ·strpbrk(SB),NOSPLIT|NOFRAME,$0
	SPAN(found, on)
found:
	ADDQ DI, AX
	RET
end:
	XORL AX, AX
	RET
	END

// size_t wcslen(DI)
TEXT ·wcslen(SB),NOSPLIT|NOFRAME,$0
	XORL AX, AX
loop:
	CMPL (DI)(AX*4), $0
	JEQ out
	INCQ AX
	JMP loop
out:
	RET
	END

// size_t wcsnlen(DI, SI)
TEXT ·wcsnlen(SB),NOSPLIT|NOFRAME,$0
	XORL AX, AX
loop:
	CMPQ AX, SI
	JEQ out
	CMPL (DI)(AX*4), $0
	JEQ out
	INCQ AX
	JMP loop
out:
	RET
	END

// wchar_t *wcscpy(DI, SI)
TEXT ·wcscpy(SB),NOSPLIT|NOFRAME,$0
	MOVQ DI, AX
	MOVQ SI, R10
loop:
	MOVL (SI), CX
	MOVL CX, (DI)
	TESTL CX, CX
	JEQ end
	ADDQ $4, SI
	ADDQ $4, DI
	JMP loop
end:
	CMPQ DI, R10
	JCS clean
	CMPQ SI, AX
	JCS clean
	MOVQ AX, DI
	MOVQ R10, SI
	REQUEST(const_ReqOverlapString)
clean:
	RET
	END

// int wcscmp(DI, SI)
TEXT ·wcscmp(SB),NOSPLIT|NOFRAME,$0
	XORL R8, R8
	XORL AX, AX
loop:
	MOVL (DI)(R8*4), CX
	MOVL (SI)(R8*4), DX
	CMPL CX, DX
	JNE differ
	TESTL CX, CX
	JEQ out
	INCQ R8
	JMP loop
differ:
	SETGT AX
	MOVBLZX AX, AX
	LEAL -1(AX)(AX*1), AX
out:
	RET
	END

// int wcsncmp(DI, SI, DX)
TEXT ·wcsncmp(SB),NOSPLIT|NOFRAME,$0
	XORL R8, R8
	XORL AX, AX
loop:
	CMPQ R8, DX
	JEQ out
	MOVL (DI)(R8*4), CX
	MOVL (SI)(R8*4), R9
	CMPL CX, R9
	JNE differ
	TESTL CX, CX
	JEQ out
	INCQ R8
	JMP loop
differ:
	SETGT AX
	MOVBLZX AX, AX
	LEAL -1(AX)(AX*1), AX
out:
	RET
	END

// wchar_t *wcschr(DI, SI)
TEXT ·wcschr(SB),NOSPLIT|NOFRAME,$0
	MOVQ DI, AX
loop:
	MOVL (AX), CX
	CMPL CX, SI
	JEQ out
	TESTL CX, CX
	JEQ none
	ADDQ $4, AX
	JMP loop
none:
	XORL AX, AX
out:
	RET
	END

// wchar_t *wcsrchr(DI, SI)
TEXT ·wcsrchr(SB),NOSPLIT|NOFRAME,$0
	XORL AX, AX
loop:
	MOVL (DI), CX
	CMPL CX, SI
	CMOVQEQ DI, AX
	ADDQ $4, DI
	TESTL CX, CX
	JNE loop
	RET
	END

// wchar_t *wmemchr(DI, SI, DX)
TEXT ·wmemchr(SB),NOSPLIT|NOFRAME,$0
	XORL AX, AX
loop:
	TESTQ DX, DX
	JEQ out
	CMPL (DI), SI
	JEQ found
	ADDQ $4, DI
	DECQ DX
	JMP loop
found:
	MOVQ DI, AX
out:
	RET
	END
