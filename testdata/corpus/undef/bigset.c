// Large blocks are filled: all but the end, in which a byte is used, and beyond the end.
#include "../corpus.h"

enum { SIZE = 5 << 20 };

int main(void)
{
	char *p = malloc(SIZE);
	size_t all = PICK(SIZE - 40, SIZE), beyond = PICK(SIZE + 3, SIZE);
	HIDE(all);
	memset(p, 0, all);
	if (p[SIZE - 41] || p[0] || p[SIZE / 2])
		abort();
	if (p[SIZE - 20])
		STEP();
	HIDE(beyond);
	memset(p, 1, beyond);
	if (p[SIZE - 1] != 1)
		abort();
	free(p);
	return 0;
}
