// An undefined argument, through registers and the stack, three functions deep.
// case: first -DI=0
// case: eighth -DI=7
#include "../corpus.h"

NOINLINE void inner(long a, long b, long c, long d, long e, long f, long g, long h)
{
	SEEN();
	if ((I ? h : a) == 12)
		STEP();
}

NOINLINE void outer(long a, long b, long c, long d, long e, long f, long g, long h)
{
	SEEN();
	inner(a, b, c, d, e, f, g, h);
	SEEN();
}

int main(void)
{
	long *p = FRESH(long, 2);
	HIDE(p);
	long x = p[1];
	outer(I ? 1 : x, 2, 3, 4, 5, 6, 7, x);
	free(p);
	return 0;
}
