#include "textflag.h"

// stage0 is the ELF entry point (link flag -E=stage0). It runs before the Go runtime, with the kernel's initial stack:
// SP must be unchanged when it jumps on. It has no Go prototype.
//
// Order matters: the ranges are reserved before the runtime maps its first arena, and signals are blocked before the
// runtime records the mask that it gives to new threads, so that idle Go threads never take the guest's signals.

// mmap(lo, len, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE|MAP_FIXED_NOREPLACE, -1, 0)
#define RESERVE(lo, len) \
	MOVQ $9, AX \
	MOVQ $(lo), DI \
	MOVQ $(len), SI \
	MOVQ $0, DX \
	MOVQ $0x104022, R10 \
	MOVQ $-1, R8 \
	MOVQ $0, R9 \
	SYSCALL

DATA limited<>+0(SB)/8, $"gogrind:"
DATA limited<>+8(SB)/8, $" the add"
DATA limited<>+16(SB)/8, $"ress spa"
DATA limited<>+24(SB)/8, $"ce is li"
DATA limited<>+32(SB)/8, $"mited (u"
DATA limited<>+40(SB)/8, $"limit -v"
DATA limited<>+48(SB)/8, $") for go"
DATA limited<>+56(SB)/8, $"od: a ha"
DATA limited<>+64(SB)/8, $"rd limit"
DATA limited<>+72(SB)/8, $" of unli"
DATA limited<>+80(SB)/8, $"mited is"
DATA limited<>+88(SB)/8, $" needed "
DATA limited<>+96(SB)/8, $"to run.\n"
GLOBL limited<>(SB), RODATA, $104

// highFD lies in the table that the tool's own descriptors need (core.hideDescriptors).
#define highFD 4128

// getrlimit(what, &var), then setrlimit(what, {RLIM_INFINITY, RLIM_INFINITY}) if the soft limit is another; AX is 0 unless that fails
#define UNLIMIT(what, var) \
	MOVQ $97, AX \
	MOVQ $(what), DI \
	LEAQ var(SB), SI \
	SYSCALL \
	XORL AX, AX \
	CMPQ var(SB), $-1 \
	JEQ 9(PC) \
	MOVQ $-1, AX \
	MOVQ AX, ·action+0(SB) \
	MOVQ AX, ·action+8(SB) \
	MOVQ $160, AX \
	MOVQ $(what), DI \
	LEAQ ·action(SB), SI \
	SYSCALL \
	NOP

TEXT stage0(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	UNLIMIT(2, ·initialData)                  // RLIMIT_DATA: if it can't be raised the runtime gets along with it, or does not
	UNLIMIT(9, ·initialAS)                    // RLIMIT_AS: it counts what is reserved
	TESTQ	AX, AX
	JZ	unlimited
	MOVQ	$1, AX                            // write(2, ...), exit_group(1)
	MOVQ	$2, DI
	LEAQ	limited<>(SB), SI
	MOVQ	$104, DX
	SYSCALL
	MOVQ	$231, AX
	MOVQ	$1, DI
	SYSCALL
unlimited:
	RESERVE(0x10000, 0x57ff0000)              // guest.MinAddr .. guest.ToolBase
	MOVQ	AX, ·lowResult(SB)
	RESERVE(0x5e000000, 0x20000000)           // guest.CodeCache .. guest.CodeCacheEnd
	MOVQ	AX, ·cacheResult(SB)
	RESERVE(0x80000000, 0x7dff80000000)       // guest.LowHigh .. guest.ToolHeap
	MOVQ	AX, ·highResult(SB)

	MOVQ	$-1, AX
	PUSHQ	AX
	MOVQ	$14, AX                           // rt_sigprocmask(SIG_BLOCK, &all, &initialMask, 8)
	MOVQ	$0, DI
	MOVQ	SP, SI
	LEAQ	·initialMask(SB), DX
	MOVQ	$8, R10
	SYSCALL
	POPQ	AX

	LEAQ	·waiting(SB), R12
	MOVQ	$16, R13                          // more than there is room for stay with the kernel
nextwaiting:
	MOVQ	$128, AX                          // rt_sigtimedwait(&initialMask, R12, &noTime, 8)
	LEAQ	·initialMask(SB), DI
	MOVQ	R12, SI
	LEAQ	·noTime(SB), DX
	MOVQ	$8, R10
	SYSCALL
	TESTQ	AX, AX
	JLE	taken
	ADDQ	$128, R12
	DECQ	R13
	JNZ	nextwaiting
taken:

	MOVQ	$97, AX                           // getrlimit(RLIMIT_NOFILE, &initialNoFile), before Go raises it
	MOVQ	$7, DI
	LEAQ	·initialNoFile(SB), SI
	SYSCALL

	// Grow the table of descriptors while there is one thread only: with more of them the kernel waits some 10 ms for the others
	// each time that it doubles (expand_fdtable, fs/file.c), and the tool's descriptors are high ones.
	MOVQ	$290, AX                          // eventfd2(0, 0): a descriptor that is always to be had
	MOVQ	$0, DI
	MOVQ	$0, SI
	SYSCALL
	TESTQ	AX, AX
	JS	grown
	MOVQ	AX, R12
	MOVQ	·initialNoFile+8(SB), R13
	MOVQ	R13, ·action+0(SB)
	MOVQ	R13, ·action+8(SB)
	MOVQ	$160, AX                          // setrlimit(RLIMIT_NOFILE, {hard, hard})
	MOVQ	$7, DI
	LEAQ	·action(SB), SI
	SYSCALL
	MOVQ	$highFD, DX
	DECQ	R13
	CMPQ	R13, DX
	CMOVQCS	R13, DX
	MOVQ	$72, AX                           // fcntl(fd, F_DUPFD, min(highFD, hard-1))
	MOVQ	R12, DI
	MOVQ	$0, SI
	SYSCALL
	MOVQ	AX, DI
	MOVQ	$3, AX                            // close, of an error code too
	SYSCALL
	MOVQ	R12, DI
	MOVQ	$3, AX
	SYSCALL
	MOVQ	$160, AX                          // setrlimit(RLIMIT_NOFILE, &initialNoFile)
	MOVQ	$7, DI
	LEAQ	·initialNoFile(SB), SI
	SYSCALL
grown:

	MOVQ	$64, BX                           // which signals are ignored; Go installs handlers for nearly all
nextsig:
	MOVQ	$13, AX                           // rt_sigaction(BX, NULL, &action, 8)
	MOVQ	BX, DI
	MOVQ	$0, SI
	LEAQ	·action(SB), DX
	MOVQ	$8, R10
	SYSCALL
	CMPQ	·action(SB), $1                   // SIG_IGN
	JNE	caught
	LEAQ	-1(BX), CX
	MOVQ	·ignored(SB), AX
	BTSQ	CX, AX
	MOVQ	AX, ·ignored(SB)
caught:
	DECQ	BX
	JNZ	nextsig

	MOVQ	$1, ·ran(SB)
	JMP	_rt0_amd64_linux(SB)

// func entry() uintptr: the address of stage0.
TEXT ·entry(SB),NOSPLIT,$0-8
	LEAQ	stage0(SB), AX
	MOVQ	AX, ret+0(FP)
	RET
