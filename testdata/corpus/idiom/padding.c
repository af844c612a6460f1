// Padding of structures is undefined, and copied, compared member by member, and passed by value.
// only: twin
#include "../corpus.h"

struct padded { char c; long l; char d; };

NOINLINE int same(struct padded a, struct padded b) { return a.c == b.c && a.l == b.l && a.d == b.d; }

int main(void)
{
	struct padded *p = malloc(2 * sizeof *p), copy;
	p[0].c = p[0].d = 'x';
	p[0].l = 5;
	HIDE(p);
	p[1] = p[0];
	memcpy(&copy, &p[1], sizeof copy);
	if (!same(p[0], copy))
		return 1;
	free(p);
	return 0;
}
