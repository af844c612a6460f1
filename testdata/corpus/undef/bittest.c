// Single bits of an undefined word: bt, test and and.
// case: bt -DOP=btl
// case: test -DOP=testl -DZ
// case: and -DOP=andl -DZ
#include "../corpus.h"
#include "../asm.h"

int main(void)
{
	int *p = FRESH(int, 2);
	HIDE(p);
#ifdef Z
	__asm__ volatile(TEXT(OP) " $8, %0\n\tjz 1f\n\tnop\n1:" : : "r"(p[1]) : "cc");
#else
	__asm__ volatile(TEXT(OP) " $8, %0\n\tjc 1f\n\tnop\n1:" : : "r"(p[1]) : "cc");
#endif
	free(p);
	return 0;
}
