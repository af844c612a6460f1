// A loop that runs one element too far: one error, many times.
// case: read -DREAD
// case: write
#include "../corpus.h"

NOINLINE void pass(volatile long *p, int n)
{
	for (int i = 0; i < n; i++)
#ifdef READ
		USE(p[i]);
#else
		p[i] = i;
#endif
}

int main(void)
{
	for (int i = 1; i < 5; i++) {
		long *p = calloc(i, sizeof(long));
		pass(p, i + PICK(1, 0));
		free(p);
	}
	return 0;
}
