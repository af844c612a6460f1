// build: gcc -O1 -static -no-pie
// A bit string that begins at a 32-bit address and lies in front of address 0: it is at the end of the first 4 GB.
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>

static sigjmp_buf back;

static void fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	printf("signal %d at %p\n", sig, info->si_addr);
	siglongjmp(back, 1);
}

int main(void)
{
	struct sigaction act = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
	sigaction(SIGSEGV, &act, NULL);
	if (!sigsetjmp(back, 1)) // bts %ax, 0x10(%eip), but from 0 on
		__asm__ volatile(".byte 0x67, 0x66, 0x0f, 0xab, 0x05; .long 0x10 - . - 4" : : "a"(-0x6c0) : "memory", "cc");
	if (!sigsetjmp(back, 1)) // the same of a register
		__asm__ volatile("btsw %%ax, (%%ecx)" : : "a"(-0x6c0), "c"(0x10) : "memory", "cc");
	static unsigned bits[4];
	__asm__ volatile("addr32 btsl %%eax, bits_%=(%%eip); .set bits_%=, %c1" : : "a"(33), "i"(bits) : "memory", "cc");
	printf("%x %x\n", bits[0], bits[1]);
	return 0;
}
