// A conditional move on an undefined value.
#include "../corpus.h"

int main(void)
{
	int *p = FRESH(int, 2), a = 1, b = 2;
	HIDE(p);
	__asm__ volatile("testl %1, %1\n\tcmovnzl %2, %0" : "+r"(a) : "r"(p[1]), "r"(b) : "cc");
	if (a == 3)
		STEP();
	free(p);
	return 0;
}
