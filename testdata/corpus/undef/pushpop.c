// An undefined value pushed, popped and exchanged.
#include "../corpus.h"

int main(void)
{
	long *p = FRESH(long, 2), x = 0, y = 1;
	HIDE(p);
	x = p[1];
	__asm__ volatile("leaq -256(%%rsp), %%rsp\n\tpushq %0\n\tpopq %1\n\tleaq 256(%%rsp), %%rsp\n\txchgq %0, %1"
			 : "+r"(x), "+r"(y) : : "memory");
	if (x == 3)
		STEP();
	free(p);
	return 0;
}
