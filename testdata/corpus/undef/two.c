// Two values of different origin, of which one is reported: the sum of both.
// options: --track-origins=yes
#include "../corpus.h"

int main(void)
{
	int *p = FRESH(int, 2), *q = calloc(2, 4);
	HIDE(p);
	HIDE(q);
	int sum = q[0] + p[1];
	HIDE(sum);
	if (sum == 3)
		STEP();
	free(p);
	free(q);
	return 0;
}
