// Faults other than bad addresses: division, undefined instructions, breakpoints, single steps are reported with their
// codes and addresses, and the handler may repair them.
// build: gcc -O0
// build: gcc -O2
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <ucontext.h>

static sigjmp_buf out;
static volatile int code, jump;
static volatile long offset;
extern const char div_at[], ud_at[], int3_at[], priv_at[], bad_at[];

static void handler(int sig, siginfo_t *si, void *ctx) {
	ucontext_t *uc = ctx;
	const char *rip = (const char *)uc->uc_mcontext.gregs[REG_RIP];
	code = si->si_code;
	switch (sig) {
	case SIGFPE:
		offset = rip - div_at;
		uc->uc_mcontext.gregs[REG_RCX] = 5; // divide by 5 instead
		break;
	case SIGILL:
		offset = rip - ud_at;
		uc->uc_mcontext.gregs[REG_RIP] += 2;
		break;
	case SIGTRAP:
		offset = rip - int3_at;
		break;
	case SIGSEGV:
		offset = rip - priv_at;
		uc->uc_mcontext.gregs[REG_RIP] += 1;
		break;
	}
	if (jump)
		siglongjmp(out, sig);
}

int main(void) {
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	static const int sigs[] = {SIGFPE, SIGILL, SIGTRAP, SIGSEGV};
	for (int i = 0; i < 4; i++)
		sigaction(sigs[i], &sa, NULL);
	for (int i = 0; i < 100; i++) {
		long q = i + 1000, rem = 0, zero = 0;
		__asm__ volatile("div_at: idiv %%rcx" : "+a"(q), "+d"(rem), "+c"(zero) : : "cc");
		if (i % 33 == 0)
			printf("divide: %ld rest %ld, code %d, offset %ld\n", q, rem, code, offset);
	}
	__asm__ volatile("ud_at: ud2");
	printf("ud2: code %d, offset %ld\n", code, offset);
	__asm__ volatile("int3_at: int3");
	printf("int3: code %d, offset %ld\n", code, offset);
	__asm__ volatile("priv_at: hlt");
	printf("hlt: code %d, offset %ld\n", code, offset);
	jump = 1;
	int v = sigsetjmp(out, 1);
	if (v == 0) {
		int32_t q = INT32_MIN, rem = -1;
		__asm__ volatile("idivl %2" : "+a"(q), "+d"(rem) : "r"(-1) : "cc");
	}
	printf("overflow: signal %d code %d\n", v, code);
	if ((v = sigsetjmp(out, 1)) == 0)
		__asm__ volatile(".byte 0x0f, 0xff, 0xc0"); // ud0
	printf("ud0: signal %d\n", v);
	if ((v = sigsetjmp(out, 1)) == 0)
		__asm__ volatile(".byte 0x06"); // push es, invalid in 64-bit mode
	printf("invalid: signal %d\n", v);
	if ((v = sigsetjmp(out, 1)) == 0)
		__asm__ volatile("xor %%eax, %%eax; movaps 1(%%rsp), %%xmm0" : : : "rax", "xmm0");
	printf("misaligned: signal %d code %d\n", v, code);
	return 0;
}
