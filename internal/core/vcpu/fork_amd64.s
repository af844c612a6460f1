#include "go_asm.h"
#include "textflag.h"

#define SYS_gettid 186
#define SYS_futex 202
#define SYS_tgkill 234
#define SYS_getpid 39
#define SYS_clone 56
#define SYS_rt_sigreturn 15
#define SYS_exit 60
#define FUTEX_WAIT_PRIVATE 128
#define SIGURG 23
#define SI_CODE 8
#define SI_PID 16
#define SI_TKILL -6
// CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM: what the Go runtime makes its threads with
#define THREAD_FLAGS 0x50f00

// stopHandler(DI signal, SI *siginfo, DX *ucontext): handler of the stop signal while a fork is under way. It says in
// stopTable where the thread's signal frame is and waits until stopPhase changes. With stopExit set the thread ends then. Uses no Go
// state but globals.
TEXT ·stopHandler(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	CMPL	SI_CODE(SI), $SI_TKILL
	JNE	other
	MOVL	SI_PID(SI), AX
	CMPL	AX, ·pid(SB)
	JNE	other
	LEAQ	8(SP), BX                         // where rt_sigreturn expects the stack pointer
	MOVL	·stopPhase(SB), R14
	MOVQ	$1, R12
	LOCK
	XADDQ	R12, ·stopCount(SB)
	CMPQ	R12, $const_maxStopped
	JB	2(PC)
	INT	$3
	SHLQ	$6, R12                           // sizeof(stopped)
	ADDQ	·stopTable(SB), R12
	MOVQ	BX, stopped_frame(R12)
	RDFSBASEQ	AX
	MOVQ	AX, stopped_fs(R12)
	MOVQ	0(FS), CX
	MOVQ	CX, stopped_ctx(R12)
	RDGSBASEQ	AX
	MOVQ	AX, stopped_gs(R12)
	MOVQ	DX, stopped_uc(R12)
	MOVQ	$SYS_gettid, AX
	SYSCALL
	MOVQ	AX, stopped_tid(R12)
	MOVQ	$1, stopped_ready(R12)
wait:
	MOVL	·stopPhase(SB), AX
	CMPL	AX, R14
	JNE	out
	MOVQ	$SYS_futex, AX
	LEAQ	·stopPhase(SB), DI
	MOVQ	$FUTEX_WAIT_PRIVATE, SI
	MOVQ	R14, DX
	MOVQ	$0, R10
	SYSCALL
	JMP	wait
out:
	CMPL	·stopExit(SB), $0
	JNE	end
	RET
end:
	LOCK
	INCQ	·stopEnded(SB)
	MOVQ	$SYS_exit, AX                     // the stack belongs to a thread to come
	MOVQ	$0, DI
	SYSCALL
other:
	JMP	·sigHandler(SB)

// func recreate(s *stopped) int64: makes a thread that goes on where the stopped thread was. The new thread has nothing
// to lose: rt_sigreturn gives it all registers. It tells Go its id and sends itself Go's preemption signal, as one that was
// pending for the old thread is lost, and Go would wait for it for ever. Result: the thread's id or a negative error number.
TEXT ·recreate(SB),NOSPLIT|NOFRAME,$0-16
	MOVQ	s+0(FP), R12
	MOVQ	$THREAD_FLAGS, DI
	MOVQ	stopped_frame(R12), SI
	SUBQ	$1024, SI
	MOVQ	$0, DX
	MOVQ	$0, R10
	MOVQ	$0, R8
	MOVQ	$SYS_clone, AX
	SYSCALL
	TESTQ	AX, AX
	JZ	child
	MOVQ	AX, ret+8(FP)
	RET
child:
	MOVQ	stopped_fs(R12), AX
	WRFSBASEQ	AX
	MOVQ	stopped_gs(R12), AX
	WRGSBASEQ	AX
	MOVQ	$SYS_gettid, AX
	SYSCALL
	MOVQ	AX, SI
	MOVQ	stopped_ctx(R12), BX
	TESTQ	BX, BX
	JZ	2(PC)
	MOVQ	AX, Context_TID(BX)
	MOVQ	stopped_procid(R12), BX
	TESTQ	BX, BX
	JZ	2(PC)
	MOVQ	AX, 0(BX)
	MOVQ	$SYS_getpid, AX
	SYSCALL
	MOVQ	AX, DI
	MOVQ	$SIGURG, DX
	MOVQ	$SYS_tgkill, AX
	SYSCALL
	MOVQ	stopped_frame(R12), SP
	MOVQ	$0, stopped_ready(R12)            // the entry may be used again
	MOVQ	$SYS_rt_sigreturn, AX
	SYSCALL
	INT	$3

// func rawSys(nr, a1, a2, a3, a4, a5, a6 uintptr) uintptr: a system call and nothing else.
TEXT ·rawSys(SB),NOSPLIT|NOFRAME,$0-64
	MOVQ	nr+0(FP), AX
	MOVQ	a1+8(FP), DI
	MOVQ	a2+16(FP), SI
	MOVQ	a3+24(FP), DX
	MOVQ	a4+32(FP), R10
	MOVQ	a5+40(FP), R8
	MOVQ	a6+48(FP), R9
	SYSCALL
	MOVQ	AX, ret+56(FP)
	RET

// func forkAddresses() (handler, sysCheck, sysIssued, sysAbort uintptr)
TEXT ·forkAddresses(SB),NOSPLIT,$0-32
	LEAQ	·stopHandler(SB), AX
	MOVQ	AX, handler+0(FP)
	LEAQ	·sysCheck(SB), AX
	MOVQ	AX, sysCheck+8(FP)
	LEAQ	·sysIssued(SB), AX
	MOVQ	AX, sysIssued+16(FP)
	LEAQ	·sysAbort(SB), AX
	MOVQ	AX, sysAbort+24(FP)
	RET
