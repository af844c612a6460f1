// Jumps on an undefined count register.
// case: jrcxz -DOP=jrcxz
// case: loop -DOP=loop
#include "../corpus.h"
#include "../asm.h"

int main(void)
{
	long *p = FRESH(long, 2), n;
	HIDE(p);
	n = p[1];
	__asm__ volatile(TEXT(OP) " 1f\n\tnop\n1:" : "+c"(n) : : "cc");
	free(p);
	return 0;
}
