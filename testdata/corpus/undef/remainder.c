// The status word of the x87 unit: fxam of an undefined number leaves conditions that are undefined, fprem of defined ones sets them anew.
#include "../corpus.h"

static long double seven = 7, two = 2;

NOINLINE unsigned short remainder_status(void)
{
	unsigned short status;
	__asm__ volatile("fldt %1; fldt %2; fprem; fnstsw %0; fstp %%st; fstp %%st" : "=m"(status) : "m"(two), "m"(seven));
	return status;
}

NOINLINE unsigned short examine(const long double *p)
{
	unsigned short status;
	__asm__ volatile("fldt %1; fxam; fnstsw %0; fstp %%st" : "=m"(status) : "m"(*p));
	return status;
}

int main(void)
{
	long double *p = malloc(sizeof *p);
	HIDE(p);
	unsigned short status = examine(p);
	if (remainder_status() & 0x4700) // not finished, and the lowest bits of the quotient
		STEP();
	if (PICK(status, 0) & 0x400)
		STEP();
	free(p);
	return 0;
}
