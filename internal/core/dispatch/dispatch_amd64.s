#include "textflag.h"

// Registers in struct ucontext (arch/x86/include/uapi/asm/sigcontext.h), behind uc_flags, uc_link and uc_stack.
#define R8_OF(c) 40(c)
#define R9_OF(c) 48(c)
#define R10_OF(c) 56(c)
#define DI_OF(c) 104(c)
#define SI_OF(c) 112(c)
#define DX_OF(c) 136(c)
#define AX_OF(c) 144(c)
#define IP_OF(c) 168(c)

// handler(DI signal, SI info, DX ucontext) runs for each system call of the thread: AX has the call's number and IP is behind it. Its
// caller, the kernel, restores all registers.
TEXT handler<>(SB),NOSPLIT|NOFRAME,$0
	MOVQ	DX, BX
	MOVQ	AX_OF(BX), AX
	CMPQ	AX, $291                          // epoll_create1
	JEQ	new
	CMPQ	AX, $290                          // eventfd2
	JEQ	new
	CMPQ	AX, $56                           // clone, fork, vfork: the child would be in here
	JB	pass
	CMPQ	AX, $58
	JLS	itself
	CMPQ	AX, $435                          // clone3
	JEQ	itself
pass:
	CALL	perform<>(SB)
	MOVQ	AX, AX_OF(BX)
	RET

	// What can't be done for the thread it does itself, and all that follows.
itself:
	MOVB	$0, ·selector(SB)
	SUBQ	$2, IP_OF(BX)                     // AX has the number still
	RET

new:
	CALL	perform<>(SB)
	MOVQ	AX, AX_OF(BX)
	TESTQ	AX, AX
	JS	failed
	CMPQ	·count(SB), $2                    // maxMoved
	JEQ	failed
	MOVQ	AX, R12
	MOVQ	AX, DI
	MOVQ	$1030, SI                         // fcntl(fd, F_DUPFD_CLOEXEC, lowest): both kinds are opened with this flag
	MOVQ	·lowest(SB), DX
	MOVQ	$72, AX
	SYSCALL
	TESTQ	AX, AX
	JS	failed
	MOVQ	AX, AX_OF(BX)
	MOVQ	R12, DI
	MOVQ	$3, AX                            // close(fd)
	SYSCALL
	MOVQ	·count(SB), CX
	LEAQ	·news(SB), DX
	MOVQ	AX_OF(BX), AX
	MOVQ	AX, (DX)(CX*8)
	INCQ	·count(SB)
failed:
	RET

// perform makes the call with the registers of the ucontext at BX; result in AX.
TEXT perform<>(SB),NOSPLIT|NOFRAME,$0
	MOVQ	DI_OF(BX), DI
	MOVQ	SI_OF(BX), SI
	MOVQ	DX_OF(BX), DX
	MOVQ	R10_OF(BX), R10
	MOVQ	R8_OF(BX), R8
	MOVQ	R9_OF(BX), R9
	SYSCALL
	RET

TEXT return<>(SB),NOSPLIT|NOFRAME,$0
	MOVQ	$15, AX                           // rt_sigreturn
	SYSCALL
	INT	$3

// end marks where the code that may make calls ends; the linker keeps the functions of a file in order.
TEXT end<>(SB),NOSPLIT|NOFRAME,$0
	RET

TEXT ·entry(SB),NOSPLIT,$0-8
	LEAQ	handler<>(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

TEXT ·back(SB),NOSPLIT,$0-8
	LEAQ	return<>(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

TEXT ·span(SB),NOSPLIT,$0-16
	LEAQ	handler<>(SB), AX
	LEAQ	end<>(SB), BX
	SUBQ	AX, BX
	MOVQ	AX, lo+0(FP)
	MOVQ	BX, length+8(FP)
	RET
