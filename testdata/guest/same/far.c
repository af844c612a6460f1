// Far returns and jumps to the same code segment, iretq, loads of segment registers, software interrupts.
// build: gcc -O1
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>

static sigjmp_buf top;
static void caught(int sig, siginfo_t *si, void *u) {
	printf("signal %d code %d\n", sig, si->si_code);
	siglongjmp(top, 1);
}

int main(void) {
	struct sigaction sa = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO | SA_NODEFER};
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGTRAP, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	long r = 0;
	__asm__ volatile("push $0x33; lea 1f(%%rip), %%rax; push %%rax; lretq; ud2; 1: mov $1, %0" : "=r"(r)::"rax", "memory");
	printf("lret %ld\n", r);
	__asm__ volatile("mov %%rsp, %%rcx; mov %%ss, %%eax; push %%rax; push %%rcx; pushfq; push $0x33; lea 1f(%%rip), %%rax; push %%rax;"
			 "iretq; ud2; 1: mov $2, %0" : "=r"(r)::"rax", "rcx", "memory");
	printf("iret %ld\n", r);
	__asm__ volatile("mov %0, %%gs" ::"r"(0));
	__asm__ volatile("mov %%gs, %0" : "=r"(r));
	printf("gs %ld\n", r & 0xffff);
	if (sigsetjmp(top, 1) == 0)
		__asm__ volatile("mov %0, %%gs" ::"r"(0x1000));
	if (sigsetjmp(top, 1) == 0)
		__asm__ volatile("int $3");
	if (sigsetjmp(top, 1) == 0)
		__asm__ volatile("int $0x21");
	if (sigsetjmp(top, 1) == 0)
		__asm__ volatile(".byte 0xcd, 3");
	if (sigsetjmp(top, 1) == 0)
		__asm__ volatile("push $0x8; push $0; lretq");
	return 0;
}
