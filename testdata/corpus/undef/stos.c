// An undefined value stored many times.
#include "../corpus.h"

int main(void)
{
	int *p = FRESH(int, 1), *q = calloc(16, sizeof(int));
	HIDE(p);
	int *to = q;
	long n = 16;
	__asm__ volatile("rep stosl" : "+c"(n), "+D"(to) : "a"(*p) : "memory");
	if (q[9] == 3)
		STEP();
	free(p);
	free(q);
	return 0;
}
