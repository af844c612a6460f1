// Carries: add with carry and subtract with borrow of undefined flags.
// case: adc -DOP=adcq -DIS=6
// case: sbb -DOP=sbbq -DIS=4
#include "../corpus.h"
#include "../asm.h"

int main(void)
{
	unsigned long *p = FRESH(unsigned long, 2), sum = 5;
	HIDE(p);
	__asm__ volatile("addq $1, %1\n\t" TEXT(OP) " $0, %0" : "+r"(sum) : "r"(p[1]) : "cc");
	if (sum == IS)
		STEP();
	free(p);
	return 0;
}
