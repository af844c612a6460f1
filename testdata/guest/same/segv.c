// Faults that the program handles: address and code in siginfo, exact registers, registers changed by the handler,
// pages made accessible and the access repeated, jumps to nowhere.
// build: gcc -O0
// build: gcc -O2
// build: musl-gcc -O1 -static
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

static char *region;
static sigjmp_buf out;
static volatile int mode, faults, code;
static volatile long where;
static volatile uint64_t regs[4];

static void handler(int sig, siginfo_t *si, void *ctx) {
	ucontext_t *uc = ctx;
	faults++;
	code = si->si_code;
	where = (char *)si->si_addr - region;
	regs[0] = (uint64_t)uc->uc_mcontext.gregs[REG_RBX];
	regs[1] = (uint64_t)uc->uc_mcontext.gregs[REG_R12];
	regs[2] = (uint64_t)uc->uc_mcontext.gregs[REG_RCX];
	regs[3] = (uint64_t)uc->uc_mcontext.gregs[REG_ERR];
	switch (mode) {
	case 0: // open the page and go on
		mprotect((char *)((uintptr_t)si->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE);
		break;
	case 1: // skip the instruction: mov (%rdi),%eax has two bytes
		uc->uc_mcontext.gregs[REG_RIP] += 2;
		uc->uc_mcontext.gregs[REG_RAX] = 4711;
		break;
	case 2: // give the access another base
		uc->uc_mcontext.gregs[REG_RDI] = (greg_t)(uintptr_t)region;
		break;
	case 3:
		siglongjmp(out, sig);
	}
}

static long load(uintptr_t a) {
	long v = -1;
	__asm__ volatile("mov $0x1111, %%ebx; mov $0x2222, %%r12d; mov $0x3333, %%ecx; .byte 0x8b, 0x07" // mov (%rdi),%eax
			 : "=a"(v) : "D"(a) : "rbx", "r12", "rcx", "memory");
	return v;
}

int main(void) {
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	region = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (region == MAP_FAILED)
		return 1;

	mode = 0;
	long sum = 0;
	for (int i = 0; i < 200; i++) {
		region[i * 4096 + i] = (char)i;
		sum += region[i * 4096 + i] + where;
	}
	printf("pages: %d faults, code %d, sum %ld\n", faults, code, sum);

	mode = 1;
	printf("skip: %ld", load((uintptr_t)region + (1 << 20) - 4096 + 8));
	printf(" at %ld code %d, registers %lx %lx %lx, error %lx\n", where - (1 << 20), code, regs[0], regs[1], regs[2], regs[3]);
	mode = 2;
	*(int *)region = 99;
	printf("rebase: %ld\n", load(8));
	printf("non-canonical: %ld, address %d\n", load(0x8000000000000000u), where + region == 0);
	mode = 1;
	printf("kernel half: %ld\n", load(0xffffffff80000000u));
	printf("null: %ld, code %d\n", load(0), code);

	mode = 3;
	int v = sigsetjmp(out, 1);
	if (v == 0)
		((void (*)(void))(region + (1 << 20) - 8192))(); // no execute permission, nothing there
	printf("jump: signal %d code %d at %ld\n", v, code, where - (1 << 20));
	if ((v = sigsetjmp(out, 1)) == 0)
		((void (*)(void))0)();
	printf("call of null: signal %d at %d\n", v, where + region == 0);
	static const char text[] = "read only";
	if ((v = sigsetjmp(out, 1)) == 0)
		*(volatile char *)text = 'x';
	printf("write to text: signal %d code %d, %s\n", v, code, text);
	// A fault in the middle of a repeated string instruction leaves the progress in the registers.
	mprotect(region, 4096, PROT_READ | PROT_WRITE);
	mprotect(region + 4096, 4096, PROT_NONE);
	if ((v = sigsetjmp(out, 1)) == 0) {
		char *d = region + 4000;
		long n = 200;
		__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(7) : "memory");
	}
	printf("rep stosb: signal %d at %ld, %ld left, %d %d\n", v, where, (long)regs[2], region[4000], region[4095]);
	FILE *f = tmpfile();
	char *file = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fileno(f), 0);
	if ((v = sigsetjmp(out, 1)) == 0)
		v = -file[100];
	printf("beyond the file: signal %d code %d\n", v, code);
	return 0;
}
