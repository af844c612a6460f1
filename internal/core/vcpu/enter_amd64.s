#include "go_asm.h"
#include "textflag.h"

#define GPR(n) (Context_Regs+8*(n))(FS)
#define RFLAGS (Context_Regs+17*8)(FS)
#define XSAVE 0x4000

// func attach(ctx, gs uintptr): FS base = ctx with g in the word below, GS base = gs. Clobbers AX BX CX DX.
TEXT ·attach(SB),NOSPLIT|NOFRAME,$0-16
	MOVQ	ctx+0(FP), AX
	MOVQ	gs+8(FP), BX
	RDFSBASEQ	CX
	MOVQ	CX, Context_HostFS(AX)
	MOVQ	AX, Context_Self(AX)
	MOVQ	-8(CX), DX
	MOVQ	DX, -8(AX)
	WRFSBASEQ	AX
	WRGSBASEQ	BX
	RET

// func detach(): undoes attach.
TEXT ·detach(SB),NOSPLIT|NOFRAME,$0
	RDFSBASEQ	AX
	MOVQ	Context_HostFS(AX), CX
	MOVQ	-8(AX), DX
	MOVQ	DX, -8(CX)
	WRFSBASEQ	CX
	XORQ	AX, AX
	WRGSBASEQ	AX
	RET

// func current() uintptr: the calling thread's context, 0 on a thread without.
TEXT ·current(SB),NOSPLIT|NOFRAME,$0-8
	MOVQ	0(FS), AX
	MOVQ	AX, ret+0(FP)
	RET

// func setGS(gs uintptr)
TEXT ·setGS(SB),NOSPLIT|NOFRAME,$0-8
	MOVQ	gs+0(FP), AX
	WRGSBASEQ	AX
	RET

#define LOADREGS \
	MOVQ	GPR(1), CX \
	MOVQ	GPR(2), DX \
	MOVQ	GPR(3), BX \
	MOVQ	GPR(5), BP \
	MOVQ	GPR(6), SI \
	MOVQ	GPR(7), DI \
	MOVQ	GPR(8), R8 \
	MOVQ	GPR(9), R9 \
	MOVQ	GPR(10), R10 \
	MOVQ	GPR(11), R11 \
	MOVQ	GPR(12), R12 \
	MOVQ	GPR(13), R13 \
	MOVQ	GPR(14), R14 \
	MOVQ	GPR(15), R15 \
	MOVQ	GPR(0), AX

#define SAVEREGS \
	MOVQ	AX, GPR(0) \
	MOVQ	CX, GPR(1) \
	MOVQ	DX, GPR(2) \
	MOVQ	BX, GPR(3) \
	MOVQ	SP, GPR(4) \
	MOVQ	BP, GPR(5) \
	MOVQ	SI, GPR(6) \
	MOVQ	DI, GPR(7) \
	MOVQ	R8, GPR(8) \
	MOVQ	R9, GPR(9) \
	MOVQ	R10, GPR(10) \
	MOVQ	R11, GPR(11) \
	MOVQ	R12, GPR(12) \
	MOVQ	R13, GPR(13) \
	MOVQ	R14, GPR(14) \
	MOVQ	R15, GPR(15)

// func enterAsm(): runs guest code at Context.Target with the registers of the context until an exit stub is reached.
// From enterCheck to enterEnd a signal only needs to go to enterAbort: the context is not changed in between.
// Saves BP and SP only: ABI0 lets it clobber the rest.
TEXT ·enterAsm(SB),NOSPLIT|NOFRAME,$0
	PUSHQ	BP
	MOVQ	SP, Context_HostSP(FS)
	JMP	·enterCheck(SB)

// func stepAsm(): as enterAsm, with the trap flag set so that exactly one instruction runs.
TEXT ·stepAsm(SB),NOSPLIT|NOFRAME,$0
	PUSHQ	BP
	MOVQ	SP, Context_HostSP(FS)
	JMP	·stepCheck(SB)

TEXT ·enterCheck(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	CMPQ	Context_Pending(FS), $0
	JNE	aborted
	MOVQ	Context_Self(FS), CX
	CMPQ	Context_NoVec(CX), $0
	JNE	novec
	MOVL	Context_XMask(CX), AX
	XORL	DX, DX
	XRSTOR64	XSAVE(CX)
enter:
	PUSHQ	RFLAGS
	MOVQ	$1, Context_State(FS)
	POPFQ
	LOADREGS
	MOVQ	GPR(4), SP
	JMP	Context_Target(FS)
novec:
	MOVQ	$0, Context_NoVec(CX)
	LDMXCSR	(XSAVE+24)(CX)
	JMP	enter
aborted:
	JMP	·enterAbort(SB)

TEXT ·stepCheck(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ	Context_Self(FS), CX
	MOVQ	$0, Context_NoVec(CX)
	MOVL	Context_XMask(CX), AX
	XORL	DX, DX
	XRSTOR64	XSAVE(CX)
	MOVQ	Context_Target(FS), AX
	MOVQ	AX, (Context_IRet+0)(FS)
	MOVQ	$0x33, (Context_IRet+8)(FS)       // user code and stack selectors, asm/segment.h
	MOVQ	RFLAGS, AX
	ORQ	$0x100, AX                        // TF
	MOVQ	AX, (Context_IRet+16)(FS)
	MOVQ	GPR(4), AX
	MOVQ	AX, (Context_IRet+24)(FS)
	MOVQ	$0x2b, (Context_IRet+32)(FS)
	LEAQ	Context_IRet(CX), SP
	MOVQ	$1, Context_State(FS)
	LOADREGS
	BYTE $0x48; BYTE $0xcf                    // iretq

TEXT ·enterEnd(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	INT	$3

// enterAbort: entry was given up; the guest registers are in the context as they were.
TEXT ·enterAbort(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ	$(const_ExitAborted<<24), Context_Exit(FS)
	MOVQ	Context_HostSP(FS), SP
	JMP	leave<>(SB)

// exitStub: generated code, or the signal handler, comes here with the guest's registers in the processor.
TEXT ·exitStub(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	SAVEREGS
	MOVQ	Context_HostSP(FS), SP
	PUSHFQ
	POPQ	RFLAGS
	MOVQ	Context_Self(FS), CX
	CMPQ	Context_NoVec(CX), $0
	JNE	novec
	MOVL	Context_XMask(CX), AX
	XORL	DX, DX
	XSAVE64	XSAVE(CX)
	JMP	leave<>(SB)
novec:
	JMP	leaveNoVec<>(SB)

// leaveNoVec is leave without vector and x87 registers. CX = context.
TEXT leaveNoVec<>(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	// Only control words outlive a call. The rest of the area is old, for an entry that restores all the same: garbage in
	// registers that calls may change, and an x87 stack that must be empty.
	STMXCSR	(XSAVE+24)(CX)
	BYTE $0xd9; BYTE $0xb9; LONG $XSAVE       // fnstcw XSAVE(%rcx)
	MOVW	$0, (XSAVE+2)(CX)                 // status
	MOVB	$0, (XSAVE+4)(CX)                 // tags
	ORQ	$1, (XSAVE+512)(CX)               // XSTATE_BV: x87
	JMP	leave<>(SB)

// RETURN returns by the return plane: pushq %fs:returnPlane(%rsp); ret $8.
#define RETURN \
	BYTE $0x64; BYTE $0xff; BYTE $0xb4; BYTE $0x24; LONG $const_returnPlane \
	BYTE $0xc2; BYTE $8; BYTE $0

// HOOKABORT sets AX to where a thread goes on that was interrupted at R9, between hookReturn and hookEnd. It uses tmp.
#define HOOKABORT(tmp) \
	LEAQ	·hookAbort(SB), AX \
	LEAQ	·hookDirty(SB), tmp \
	CMPQ	R9, tmp \
	LEAQ	·hookDirtyAbort(SB), tmp \
	CMOVQCC	tmp, AX

// hookStub: generated code comes here at the start of a replaced function, with the guest's registers in the processor and
// Context.Exit set. It calls the function of SetQuick, on a stack of its own because that of the goroutine has little room for
// code that may not grow it; to Go, the thread stays in a system call. If that has done all, the guest returns to its caller, else
// it leaves to Go. The function is a call to the guest, so flags and vector registers are nobody's business.
TEXT ·hookStub(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	SAVEREGS
	MOVQ	Context_Self(FS), CX
	LEAQ	const_quickStack(CX), SP
	PUSHFQ
	POPQ	AX
	MOVQ	AX, RFLAGS
	TESTL	$0x40500, AX                      // AC, DF and TF are not for Go
	JNE	togo
	MOVQ	$0, Context_State(FS)
	VZEROUPPER
	XORPS	X15, X15                          // Go's calling convention: X15 is 0, R14 is g
	MOVQ	-8(FS), R14
	MOVQ	·quickState(SB), AX
	LEAQ	Context_Regs(CX), BX
	MOVQ	Context_Thread(CX), DI
	LEAQ	Context_Quick(CX), SI
	MOVL	Context_Exit(CX), CX
	ANDL	$0xffffff, CX
	MOVQ	·quickCode(SB), DX
	CALL	DX
	TESTB	AX, AX
	JEQ	togo
	JMP	·hookReturn(SB)
togo:
	JMP	·hookLeave(SB)

// hookLeave: what hookStub has called did not do it, or a fault in it has brought the handler here.
TEXT ·hookLeave(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ	Context_Self(FS), CX
	MOVQ	Context_HostSP(CX), SP
	MOVQ	$1, Context_NoVec(CX)
	JMP	leaveNoVec<>(SB)

// hookReturn returns from a replaced function as translated code does, see emitReturn and emitDirtyReturn in package jit. Up to hookEnd
// nothing changes that the return in Go needs, so a signal or a fault only needs to go to hookAbort; from hookDirty on the return
// address is no longer where Go looks for it, so hookDirtyAbort is where they go.
TEXT ·hookReturn(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	CMPQ	Context_Pending(FS), $0
	JNE	aborted
	CMPQ	Context_Dirty(FS), $0
	JNE	dirty
	MOVQ	$1, Context_State(FS)
	LOADREGS
	MOVQ	GPR(4), SP
	RETURN
dirty:
	MOVQ	GPR(4), AX
	MOVQ	(AX), BX
	MOVQ	BX, Context_RetTarget(FS)
	JMP	·hookDirty(SB)
aborted:
	JMP	·hookAbort(SB)
TEXT ·hookDirty(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ	$0, (AX)
	MOVQ	$1, Context_State(FS)
	LOADREGS
	MOVQ	GPR(4), SP
	RETURN
TEXT ·hookEnd(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	INT	$3

// hookDirtyAbort is hookAbort where hookDirty may have cleared the slot of the return address.
TEXT ·hookDirtyAbort(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ	GPR(4), AX
	MOVQ	Context_RetTarget(FS), BX
	MOVQ	BX, (AX)
	JMP	·hookAbort(SB)

// hookAbort: the replaced function is done, with its result in the context; Go returns from it.
TEXT ·hookAbort(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ	$(const_ExitHookDone<<24), Context_Exit(FS)
	JMP	·hookLeave(SB)

// leave makes the processor what Go expects and returns to the caller of enterAsm or stepAsm. SP = HostSP.
TEXT leave<>(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ	$0, Context_State(FS)
	VZEROUPPER
	PUSHQ	$0x0002                           // Go wants DF clear; a guest's AC or TF must not reach Go either
	POPFQ
	PUSHQ	$0x1f80
	LDMXCSR	0(SP)
	POPQ	AX
	BYTE	$0x5d                             // pop %rbp, which enterAsm pushed: the assembler counts pushes by TEXT
	RET

// func sysBlock(nr, a1..a6 uintptr) (r int64, aborted uint64): a system call that a pending signal keeps from starting.
// A signal in [sysCheck, sysIssued] goes to sysAbort; sysIssued is the SYSCALL instruction itself, which the kernel
// rewinds to when it restarts a call: then rcx, 0 before, is what SYSCALL has set it to, and the signal goes to sysAgain. While Context.InKernel is set, a fork does not stop the thread; the exchange that clears
// it comes before the look at forking, so that either the thread sees the fork or the fork sees the thread (see Fork).
TEXT ·sysBlock(SB),NOSPLIT|NOFRAME,$0-72
	MOVQ	nr+0(FP), AX
	MOVQ	a1+8(FP), DI
	MOVQ	a2+16(FP), SI
	MOVQ	a3+24(FP), DX
	MOVQ	a4+32(FP), R10
	MOVQ	a5+40(FP), R8
	MOVQ	a6+48(FP), R9
	XORL	CX, CX                            // SYSCALL makes it non-zero
	MOVQ	$1, Context_InKernel(FS)
	JMP	·sysCheck(SB)
TEXT ·sysCheck(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	CMPQ	Context_Pending(FS), $0
	JNE	2(PC)
	JMP	·sysIssued(SB)
	JMP	·sysAbort(SB)
TEXT ·sysIssued(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	SYSCALL
	MOVQ	AX, 64(SP)
	MOVQ	$0, 72(SP)
	JMP	sysDone<>(SB)
TEXT ·sysAbort(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	INCQ	Context_Restarts(FS)
	MOVQ	$-512, 64(SP)                     // ERESTARTSYS, include/linux/errno.h
	MOVQ	$1, 72(SP)
	JMP	sysDone<>(SB)

// sysAgain: the call was interrupted and is one that the kernel makes again under SA_RESTART.
TEXT ·sysAgain(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ	$-512, 64(SP)
	MOVQ	$0, 72(SP)
	JMP	sysDone<>(SB)

// sysDone returns from sysBlock, when no fork is under way.
TEXT sysDone<>(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	XORL	AX, AX
	XCHGQ	AX, Context_InKernel(FS)
again:
	CMPL	·forking(SB), $0
	JNE	wait
	RET
wait:
	MOVQ	$202, AX                          // futex(&forking, FUTEX_WAIT_PRIVATE, 1, NULL)
	LEAQ	·forking(SB), DI
	MOVQ	$128, SI
	MOVQ	$1, DX
	MOVQ	$0, R10
	SYSCALL
	JMP	again

// restorer: SA_RESTORER of our handlers.
TEXT ·restorer(SB),NOSPLIT|NOFRAME,$0
	MOVQ	$15, AX
	SYSCALL
	INT	$3

// Offsets in the kernel's rt_sigframe ucontext (asm/sigcontext.h).
#define UC_RCX 152
#define UC_RIP 168
#define UC_EFLAGS 176
#define UC_ERR 192
#define UC_TRAPNO 200
#define UC_CR2 216
#define UC_SIGMASK 296
#define SI_CODE 8
#define SI_PID 16
#define SIGSTKFLT 16
#define SIGURG 23
#define SIGPROF 27
// SIGILL SIGTRAP SIGBUS SIGFPE SIGSEGV SIGSYS as a bit set by number
#define SYNCSET 0x800009b0

// sigHandler(DI signal, SI *siginfo, DX *ucontext): every signal's kernel-level handler. Uses no Go state but globals.
TEXT ·sigHandler(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVQ	UC_RIP(DX), R9
	MOVQ	0(FS), R8
	TESTQ	R8, R8
	JZ	plain
	MOVL	SI_CODE(SI), R10
	CMPL	DI, $SIGURG
	JNE	noturg
	CMPL	R10, $-6                          // SI_TKILL: Go's preemption request
	JNE	noturg
	MOVL	SI_PID(SI), R11
	CMPL	R11, ·pid(SB)
	JEQ	togo
noturg:
	MOVQ	·cacheLo(SB), AX
	CMPQ	R9, AX
	JB	low
	MOVQ	·cacheHi(SB), AX
	CMPQ	R9, AX
	JB	incache
low:
	CMPQ	R9, $4096                         // a return whose plane entry is not set jumps to 0
	JAE	notguest
	CMPQ	Context_State(R8), $1
	JEQ	incache
notguest:
	CMPL	R10, $0
	JLE	async
	MOVL	$SYNCSET, R11
	BTQ	DI, R11
	JCC	async
	CMPL	DI, $5                            // SIGTRAP, TRAP_TRACE: a step has left translated code for the exit stub
	JNE	nottrace
	CMPL	R10, $2
	JNE	nottrace
	ANDQ	$~0x100, UC_EFLAGS(DX)
	RET
nottrace:
	LEAQ	·hookLeave(SB), AX
	CMPQ	Context_Quick(R8), $0
	JNE	quick
	LEAQ	·hookReturn(SB), AX
	LEAQ	·hookEnd(SB), R11
	CMPQ	R9, AX
	JB	nothook
	CMPQ	R9, R11
	JAE	nothook
	HOOKABORT(R11)
quick:
	MOVQ	AX, UC_RIP(DX)
	RET
nothook:
	// A fault in Go or in our assembly: the guest-memory copy recovers, anything else is Go's.
	MOVQ	·copyLo(SB), AX
	CMPQ	R9, AX
	JB	togo
	MOVQ	·copyHi(SB), AX
	CMPQ	R9, AX
	JAE	togo
	MOVQ	·copyResume(SB), AX
	MOVQ	AX, UC_RIP(DX)
	RET

async:
	CMPL	DI, $SIGPROF
	JNE	guests
	CMPL	·profiling(SB), $0
	JNE	togo
guests:
	CALL	queue<>(SB)
	LEAQ	·enterCheck(SB), AX
	LEAQ	·enterEnd(SB), R10
	CMPQ	R9, AX
	JB	nostub
	CMPQ	R9, R10
	JAE	nostub
	LEAQ	·enterAbort(SB), AX
	MOVQ	AX, UC_RIP(DX)
	RET
nostub:
	LEAQ	·hookReturn(SB), AX
	LEAQ	·hookEnd(SB), R10
	CMPQ	R9, AX
	JB	noreturn
	CMPQ	R9, R10
	JAE	noreturn
	HOOKABORT(R10)
	MOVQ	AX, UC_RIP(DX)
	RET
noreturn:
	LEAQ	·sysCheck(SB), AX
	CMPQ	R9, AX
	JB	done
	LEAQ	·sysIssued(SB), R10
	CMPQ	R9, R10
	JA	done
	LEAQ	·sysAbort(SB), AX
	CMPQ	R9, R10
	JNE	unmade
	CMPQ	UC_RCX(DX), $0
	JEQ	unmade
	LEAQ	·sysAgain(SB), AX
unmade:
	MOVQ	AX, UC_RIP(DX)
done:
	RET

incache:
	CMPL	DI, $SIGPROF
	JNE	stopguest
	CMPL	·profiling(SB), $0
	JNE	togo
stopguest:
	MOVQ	R9, Context_HostPC(R8)
	MOVQ	Context_Exit(R8), AX
	MOVQ	AX, Context_Left(R8)
	ANDQ	$~0x100, UC_EFLAGS(DX)
	LEAQ	·exitStub(SB), AX
	MOVQ	AX, UC_RIP(DX)
	CMPL	R10, $0
	JLE	interrupt
	MOVL	$SYNCSET, R11
	BTQ	DI, R11
	JCC	interrupt
	MOVQ	DI, Context_Signo(R8)
	MOVQ	UC_ERR(DX), AX
	MOVQ	AX, Context_Err(R8)
	MOVQ	UC_TRAPNO(DX), AX
	MOVQ	AX, Context_TrapNo(R8)
	MOVQ	UC_CR2(DX), AX
	MOVQ	AX, Context_CR2(R8)
	MOVQ	$(const_ExitFault<<24), Context_Exit(R8)
	LEAQ	Context_Info(R8), R10
	JMP	copyinfo<>(SB)
interrupt:
	MOVQ	$(const_ExitInterrupt<<24), Context_Exit(R8)
	JMP	queue<>(SB)

plain:
	// A Go thread that runs no guest: faults, SIGURG and SIGPROF are Go's; what is the guest's goes to the shared ring. SIGSTKFLT from
	// closeThreads makes the thread block all that can be the guest's only.
	CMPL	DI, $SIGURG
	JEQ	togo
	CMPL	DI, $SIGPROF
	JEQ	togo
	CMPL	DI, $SIGSTKFLT
	JNE	other
	MOVL	SI_PID(SI), R11
	CMPL	R11, ·pid(SB)
	JNE	other
	MOVQ	$const_holdable, AX
	ORQ	AX, UC_SIGMASK(DX)
	RET
other:
	MOVL	SI_CODE(SI), R10
	CMPL	R10, $0
	JLE	hand
	MOVL	$SYNCSET, R11
	BTQ	DI, R11
	JCC	hand
	MOVQ	·copyLo(SB), AX
	CMPQ	R9, AX
	JB	togo
	MOVQ	·copyHi(SB), AX
	CMPQ	R9, AX
	JAE	togo
	MOVQ	·copyResume(SB), AX
	MOVQ	AX, UC_RIP(DX)
	RET
hand:
	// Put it on the main guest thread's ring and interrupt that thread with the same signal number's kick.
	MOVQ	·mainContext(SB), R8
	TESTQ	R8, R8
	JZ	togo
	CALL	queue<>(SB)
	MOVQ	$234, AX                          // tgkill(pid, tid of the main guest thread, kick)
	MOVL	·pid(SB), DI
	MOVQ	Context_TID(R8), SI
	MOVL	·kick(SB), DX
	SYSCALL
	RET
togo:
	MOVQ	·goHandler(SB), AX
	JMP	AX

// queue<>: appends *SI (siginfo) to the ring of context R8 and marks it pending. The kick only marks. More signals stay with the
// kernel if the thread is this one: the mask that the handler returns to blocks them until Context.Unblock. Keeps DX DI R8 R9.
TEXT queue<>(SB),NOSPLIT|NOFRAME,$0
	MOVQ	$1, Context_Pending(R8)
	CMPL	DI, ·kick(SB)
	JNE	guests
	CMPL	SI_CODE(SI), $-6                  // SI_TKILL of our own; from others it is a signal like any other
	JNE	guests
	MOVL	SI_PID(SI), AX
	CMPL	AX, ·pid(SB)
	JEQ	full
guests:
	MOVQ	Context_RingW(R8), AX
	MOVQ	AX, R10
	SUBQ	Context_RingR(R8), R10
	CMPQ	R8, 0(FS)
	JNE	room
	MOVQ	$1, Context_Held(R8)
	MOVQ	$const_holdable, AX
	ORQ	AX, UC_SIGMASK(DX)
room:
	CMPQ	R10, $const_ringSize
	JAE	full
	MOVQ	$1, AX
	LOCK
	XADDQ	AX, Context_RingW(R8)
	ANDQ	$(const_ringSize-1), AX
	SHLQ	$7, AX
	LEAQ	Context_Ring(R8)(AX*1), R10
	JMP	copyinfo<>(SB)
full:
	RET

// copyinfo<>: copies 128 bytes of siginfo from SI to R10, the first word last (NextSignal). Clobbers AX CX.
TEXT copyinfo<>(SB),NOSPLIT|NOFRAME,$0
	MOVQ	$16, CX
loop:
	MOVQ	-8(SI)(CX*8), AX
	MOVQ	AX, -8(R10)(CX*8)
	DECQ	CX
	JNZ	loop
	RET

// func addresses() (exit, handler, restorer, hook uintptr)
TEXT ·addresses(SB),NOSPLIT,$0-32
	LEAQ	·exitStub(SB), AX
	MOVQ	AX, exit+0(FP)
	LEAQ	·sigHandler(SB), AX
	MOVQ	AX, handler+8(FP)
	LEAQ	·restorer(SB), AX
	MOVQ	AX, restorer+16(FP)
	LEAQ	·hookStub(SB), AX
	MOVQ	AX, hook+24(FP)
	RET

// func segments() (base, word uintptr): FS base and the word below it.
TEXT ·segments(SB),NOSPLIT,$0-16
	RDFSBASEQ	AX
	MOVQ	AX, base+0(FP)
	MOVQ	-8(AX), AX
	MOVQ	AX, word+8(FP)
	RET

// func xcr0() uint64
TEXT ·xcr0(SB),NOSPLIT,$0-8
	XORL	CX, CX
	XGETBV
	SHLQ	$32, DX
	ORQ	DX, AX
	MOVQ	AX, ret+0(FP)
	RET

// func cpuid(leaf, sub uint32) (a, b, c, d uint32)
TEXT ·cpuid(SB),NOSPLIT,$0-24
	MOVL	leaf+0(FP), AX
	MOVL	sub+4(FP), CX
	CPUID
	MOVL	AX, a+8(FP)
	MOVL	BX, b+12(FP)
	MOVL	CX, c+16(FP)
	MOVL	DX, d+20(FP)
	RET
