// A pop to memory that is addressed by the stack pointer: the address is computed behind the pop.
#include "../corpus.h"

NOINLINE long through(long x)
{
	long r;
	__asm__ volatile("lea -256(%%rsp), %%rsp\n\tpush %1\n\tpopq 16(%%rsp)\n\tmov 16(%%rsp), %0\n\tlea 256(%%rsp), %%rsp"
			 : "=&r"(r) : "r"(x) : "memory");
	return r;
}

int main(void)
{
	long *p = FRESH(long, 8);
	HIDE(p);
	if (through(*p) == 3)
		STEP();
	if (through(5) == 3)
		STEP();
	free(p);
	return 0;
}
