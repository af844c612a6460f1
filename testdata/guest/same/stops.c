// build: gcc -O1
// build: clang -O2

// Instructions that stop or trap, and those on segment bases, while a register holds undefined bits that nobody looks at: memcheck
// steps these.

#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <ucontext.h>

static volatile int caught, code;
static volatile uintptr_t at;
static sigjmp_buf back;

static void skip(int sig, siginfo_t *info, void *context)
{
	ucontext_t *c = context;
	caught = sig;
	code = info->si_code;
	at = c->uc_mcontext.gregs[REG_RIP];
	siglongjmp(back, 1);
}

static void trapped(int sig, siginfo_t *info, void *context)
{
	caught = sig;
	code = info->si_code;
	at = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
}

// TRY runs an instruction with what p points to in r15; the label in front of it says how far it got.
#define TRY(name, ...)                                                                                                   \
	do {                                                                                                             \
		uintptr_t place = 0;                                                                                     \
		caught = code = 0;                                                                                       \
		if (!sigsetjmp(back, 1))                                                                                 \
			__asm__ volatile("mov (%1), %%r15\n\tlea 1f(%%rip), %0\n\tmov %0, %2\n1:\t" __VA_ARGS__           \
					 : "=&r"(place)                                                                  \
					 : "r"(p), "m"(start)                                                            \
					 : "r15", "rax", "rcx", "rdx", "memory", "cc");                                  \
		printf("%s: signal %d code %d at +%d\n", name, caught, code, caught ? (int)(at - start) : 0);            \
	} while (0)

int main(void)
{
	static volatile uintptr_t start;
	struct sigaction a = {.sa_sigaction = skip, .sa_flags = SA_SIGINFO};
	sigaction(SIGILL, &a, NULL);
	sigaction(SIGSEGV, &a, NULL);
	a.sa_sigaction = trapped;
	sigaction(SIGTRAP, &a, NULL);
	long *p = malloc(sizeof *p);

	TRY("ud2", "ud2");
	TRY("ud1", "ud1 %%eax, %%ecx");
	TRY("undecodable", ".byte 0x06");
	TRY("hlt", "hlt");
	TRY("in", "in %%dx, %%al");
	TRY("int3", "int3");
	TRY("int 3", ".byte 0xcd, 3");
	TRY("int 4", "int $4");
	enum { FSGSBASE = 1 << 1 };
	if (getauxval(AT_HWCAP2) & FSGSBASE) {
		uintptr_t fs = 1, gs = 2, again = 3;
		__asm__ volatile("mov (%3), %%r15\n\trdfsbase %0\n\twrfsbase %0\n\twrgsbase %4\n\trdgsbase %1\n\tmov %%fs:0, %2"
				 : "=&r"(fs), "=&r"(gs), "=&r"(again)
				 : "r"(p), "r"(0x1234L)
				 : "r15");
		printf("fs base %s, gs base %#lx\n", fs == again ? "is the thread's" : "is wrong", (long)gs);
	}
	free(p);
	return 0;
}
