// Large pieces are copied to fresh memory: defined ones, one with a hole, by realloc, and beyond the end.
#include "../corpus.h"

enum { SIZE = 1 << 20, HOLE = 300001 };

int main(void)
{
	char *from = calloc(SIZE, 1), *hole = malloc(SIZE), *to = malloc(2 * SIZE);
	size_t n = SIZE, beyond = PICK(SIZE + 3, SIZE);
	HIDE(n);
	memcpy(to + 5, from, n);
	memcpy(hole, to + 5, HOLE);
	PICK((void)0, hole[HOLE] = 0);
	memcpy(hole + HOLE + 1, from, n - HOLE - 1);
	memmove(to + 5 + SIZE, hole, n - 5);
	HIDE(to);
	if (to[5] || to[SIZE / 2] || to[5 + SIZE + HOLE - 1] || to[5 + SIZE + HOLE + 1] || to[2 * SIZE - 1])
		abort();
	if (to[5 + SIZE + HOLE])
		STEP();
	PICK((void)0, to[3] = 0);
	to = realloc(to, 8 * SIZE);
	HIDE(to);
	if (to[5] || to[2 * SIZE - 1])
		abort();
	if (to[3])
		STEP();
	char *last = malloc(SIZE);
	HIDE(beyond);
	HIDE(last);
	memmove(last, to + 5, beyond);
	if (last[SIZE - 1])
		abort();
	free(last);
	free(to);
	free(hole);
	free(from);
	return 0;
}
