// Conditional jumps on each flag, made undefined.
// case: jc -DOP=jc
// case: jz -DOP=jz
// case: js -DOP=js
// case: jo -DOP=jo
// case: jp -DOP=jp
// case: jle -DOP=jle
// case: ja -DOP=ja
#include "../corpus.h"
#include "../asm.h"

int main(void)
{
	int *p = FRESH(int, 2);
	HIDE(p);
	__asm__ volatile("addl $77, %0\n\t" TEXT(OP) " 1f\n\tnop\n1:" : : "r"(p[1]) : "cc");
	free(p);
	return 0;
}
