// The same fault from two callers: two errors, and a count of one of them.
#include "../corpus.h"

NOINLINE int get(volatile int *p, int i) { return p[i]; }

int main(void)
{
	int *p = calloc(4, sizeof(int)), sum = 0;
	HIDE(p);
	for (int i = 0; i < 3; i++)
		sum += get(p, i + PICK(4, 0));
	sum += get(p, PICK(-1, 0));
	free(p);
	return sum & 0;
}
