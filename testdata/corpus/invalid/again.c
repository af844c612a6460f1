// The same operand several times in a straight piece of code, its base unchanged: each access is an error of its own, and one that is only
// partly the same; an undefined part is found in whichever access reads it first.
#include "../corpus.h"

NOINLINE long several(long *p)
{
	long sum = 0, x;
	asm volatile("mov (%1), %0" : "=r"(x) : "r"(p));
	sum += x;
	asm volatile("mov (%1), %0" : "=r"(x) : "r"(p));
	sum += x;
	asm volatile("movl %k1, (%0)" : : "r"(p), "r"(sum) : "memory");
	asm volatile("mov (%1), %0" : "=r"(x) : "r"(p));
	sum += x;
	asm volatile("movl 4(%1), %k0" : "=r"(x) : "r"(p));
	sum += x;
	asm volatile("addq $1, (%0)" : : "r"(p) : "memory", "cc");
	return sum;
}

NOINLINE int undefined(int *p)
{
	int x, y;
	asm volatile("mov (%1), %0" : "=r"(x) : "r"(p));
	asm volatile("mov (%1), %0" : "=r"(y) : "r"(p));
	if (x == 3)
		STEP();
	if (y == 4)
		STEP();
	return 0;
}

int main(void)
{
	long *p = calloc(4, sizeof *p), *q = malloc(2 * sizeof *q);
	q[0] = 5;
	SEEN();
	long sum = several(PICK(p + 4, p));
	sum += undefined(PICK((int *)(q + 1), (int *)q));
	free(p);
	free(q);
	return sum == 77;
}
