// Two conditions of which the first is undefined, in an order that a compiler may turn round.
#include "../corpus.h"

struct item { int valid, kind; };

NOINLINE void look(struct item *i)
{
	if (i->valid && i->kind == 3)
		STEP();
}

int main(void)
{
	struct item *p = FRESH(struct item, 2);
	p[1].kind = 3;
	HIDE(p);
	look(&p[1]);
	free(p);
	return 0;
}
