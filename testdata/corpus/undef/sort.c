// qsort with a comparison that looks at what was never set.
#include "../corpus.h"

struct item { int key, order; };

static int byorder(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	if (x->order < y->order)
		return -1;
	return 1;
}

int main(void)
{
	struct item *p = FRESH(struct item, 2);
	p[0].key = 1;
	p[1].key = 2;
	p[0].order = 1;
	HIDE(p);
	qsort(p, 2, sizeof *p, byorder);
	free(p);
	return 0;
}
