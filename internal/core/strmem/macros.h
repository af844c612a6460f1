// What all routines use. The package comment says which rules they keep.

#define NOSPLIT 4
#define NOFRAME 512

// TRUST in front of an instruction makes its memory access one that tools do not look at: the ds prefix, without effect else.
#define TRUST BYTE $0x3e

// END marks the end of a routine for the copier.
#define END BYTE $0xf4; BYTE $0xf4; BYTE $0xf4; BYTE $0xf4; BYTE $0xf4; BYTE $0xf4; BYTE $0xf4; BYTE $0xf4

// REQUEST leaves to Go with the number n in R11: the sequence of client requests (package request).
#define REQUEST(n) MOVL $n, R11 \
	BYTE $0x48; BYTE $0xc1; BYTE $0xc7; BYTE $0x03 \
	BYTE $0x48; BYTE $0xc1; BYTE $0xc7; BYTE $0x0d \
	BYTE $0x48; BYTE $0xc1; BYTE $0xc7; BYTE $0x3d \
	BYTE $0x48; BYTE $0xc1; BYTE $0xc7; BYTE $0x33 \
	BYTE $0x48; BYTE $0x87; BYTE $0xdb

// SPLAT fills x with the low byte of r.
#define SPLAT(r, x) \
	MOVL r, x \
	PUNPCKLBW x, x \
	PUNPCKLWL x, x \
	PSHUFL $0, x, x

// NOWILD jumps to to if address r is none that a guest can have: only those have a shadow. Clobbers CX.
#define NOWILD(r, to) \
	MOVQ r, CX \
	SHRQ $45, CX \
	JNE to

// BAD: R9 = bits of the bytes at AX[0:16] whose shadow is not 0. X5 is 0.
#define BAD \
	MOVOU (AX)(GS*1), X1 \
	PCMPEQB X5, X1 \
	PMOVMSKB X1, R9 \
	XORL $0xffff, R9

// NOCROSS jumps to to if 16 bytes at r reach into another page. Clobbers CX.
#define NOCROSS(r, to) \
	MOVL r, CX \
	ANDL $0xfff, CX \
	CMPL CX, $0xff0 \
	JHI to

// PAIR: R8 = bits of the bytes of AX[0:16] and SI[0:16] that differ, are 0, or are bad in one, and flags accordingly; R9 = those that
// are bad. To slow if that is not known or the first one is bad. X5 is 0. Clobbers CX.
#define PAIR(slow) \
	NOCROSS(AX, slow) \
	NOCROSS(SI, slow) \
	MOVOU (AX)(GS*1), X2 \
	MOVOU (SI)(GS*1), X3 \
	POR X3, X2 \
	PCMPEQB X5, X2 \
	PMOVMSKB X2, R9 \
	XORL $0xffff, R9 \
	BTL $0, R9 \
	JCS slow \
	TRUST; MOVOU (AX), X0 \
	TRUST; MOVOU (SI), X1 \
	PCMPEQB X1, X0 \
	PMINUB X1, X0 \
	PCMPEQB X5, X0 \
	PMOVMSKB X0, R8 \
	ORL R9, R8
