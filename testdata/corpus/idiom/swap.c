// Undefined values moved, sorted into and out of registers, stored and loaded, are no error.
// only: twin
#include "../corpus.h"

int main(void)
{
	long *p = malloc(32 * sizeof *p), *q = malloc(32 * sizeof *q);
	HIDE(p);
	for (int i = 0; i < 32; i++)
		q[i] = p[31 - i];
	SEEN();
	memmove(q + 1, q, 20 * sizeof *q);
	SEEN();
	q[3] = 1;
	HIDE(q);
	if (q[3] != 1)
		return 1;
	free(p);
	free(q);
	return 0;
}
