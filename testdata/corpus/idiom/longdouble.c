// Six of a long double's sixteen bytes are padding.
// only: twin
#include "../corpus.h"

struct number { long double value; char tag; };

NOINLINE struct number twice(struct number n)
{
	n.value *= 2;
	return n;
}

int main(void)
{
	struct number *p = malloc(2 * sizeof *p);
	p[0].value = 1.5L;
	p[0].tag = 'a';
	HIDE(p);
	p[1] = twice(p[0]);
	HIDE(p);
	if (p[1].value != 3 || p[1].tag != 'a')
		return 1;
	free(p);
	return 0;
}
