// String instructions move undefined bytes, and compare them.
// case: movsb -DOP=rep;movsb -DN=16
// case: movsq -DOP=rep;movsq -DN=2
#include "../corpus.h"
#include "../asm.h"

int main(void)
{
	char *p = FRESH(char, 16), *q = calloc(1, 16);
	HIDE(p);
	char *from = p, *to = q;
	long n = N;
	__asm__ volatile(TEXT(OP) : "+c"(n), "+S"(from), "+D"(to) : : "memory");
	if (q[15] == 3)
		STEP();
	free(p);
	free(q);
	return 0;
}
