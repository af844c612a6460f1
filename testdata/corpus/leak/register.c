// A block that is known to a register alone when the process ends.
#include "../corpus.h"
#include <sys/syscall.h>

int main(void)
{
	char *p = malloc(77);
	HIDE(p);
	PICK((void)0, free(p));
	__asm__ volatile("movq %0, %%rbx\n\txorl %%ecx, %%ecx\n\txorl %%edi, %%edi\n\tmovl $231, %%eax\n\tsyscall" : : "r"(p) : "rbx", "rdi", "rax", "memory");
	return 0;
}
