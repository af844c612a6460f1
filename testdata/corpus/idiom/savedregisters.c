// Functions push registers that hold rubbish.
// only: twin
#include "../corpus.h"

NOINLINE long work(long n)
{
	long a = n, b = n + 1;
	HIDE(a);
	HIDE(b);
	__asm__ volatile("" : : : "rbx", "r12", "r13", "r14", "r15");
	return a * b;
}

int main(void)
{
	long *p = malloc(8), sum = 0;
	__asm__ volatile("movq %0, %%rbx\n\tmovq %0, %%r12\n\tmovq %0, %%r13" : : "m"(*p) : "rbx", "r12", "r13");
	for (int i = 0; i < 3; i++)
		sum += work(i);
	free(p);
	return sum != 8;
}
