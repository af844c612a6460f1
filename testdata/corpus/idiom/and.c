// "valid && value" in the order that a compiler likes.
// only: twin
#include "../corpus.h"

struct item { char valid, kind; };

NOINLINE int look(struct item *i) { return i->valid && i->kind == 3; }

int main(void)
{
	struct item *p = malloc(sizeof *p);
	p->valid = 0;
	HIDE(p);
	if (look(p))
		return 1;
	free(p);
	return 0;
}
