// Instructions whose result does not depend on their undefined operand.
// case: xor -DOP=xorl
// case: sub -DOP=subl
// case: sbb -DSBB -DOP=x
// only: twin
#include "../corpus.h"
#include "../asm.h"

int main(void)
{
	int *p = malloc(8), x;
	HIDE(p);
	x = *p;
#ifdef SBB
	__asm__ volatile("xorl %%eax, %%eax\n\tsbbl %0, %0" : "+r"(x) : : "cc", "eax");
#else
	__asm__ volatile(TEXT(OP) " %0, %0" : "+r"(x) : : "cc");
#endif
	if (x)
		return 1;
	free(p);
	return 0;
}
