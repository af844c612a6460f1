// A loop whose bound is undefined.
#include "../corpus.h"

NOINLINE void count(unsigned char *n)
{
	for (int i = 0; i < *n; i++)
		STEP();
}

int main(void)
{
	unsigned char *p = FRESH(unsigned char, 8);
	HIDE(p);
	count(p + 3);
	free(p);
	return 0;
}
