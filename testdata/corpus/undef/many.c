// Several undefined values in one function: each is reported once, in order.
// options: --track-origins=yes
#include "../corpus.h"

NOINLINE void look(int *p)
{
	if (p[0])
		STEP();
	if (p[1])
		STEP();
	if (p[0])
		STEP();
}

int main(void)
{
	int *p = FRESH(int, 2);
	HIDE(p);
	for (int i = 0; i < 5; i++)
		look(p);
	free(p);
	return 0;
}
