// Sorting structures with padding.
// only: twin
#include "../corpus.h"

struct item { char key; double weight; short tag; };

static int by(const void *a, const void *b) { return ((const struct item *)a)->key - ((const struct item *)b)->key; }

int main(void)
{
	struct item *p = malloc(40 * sizeof *p);
	for (int i = 0; i < 40; i++) {
		p[i].key = (i * 7) % 40;
		p[i].weight = i;
	}
	qsort(p, 40, sizeof *p, by);
	for (int i = 0; i < 40; i++)
		if (p[i].key != i)
			return 1;
	free(p);
	return 0;
}
