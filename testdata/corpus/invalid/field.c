// A field of a structure for which too little was allocated.
#include "../corpus.h"

struct pair { long first; int second, third; };

NOINLINE int third(struct pair *p) { return p->third; }

int main(void)
{
	struct pair *p = calloc(1, PICK(offsetof(struct pair, third), sizeof *p));
	HIDE(p);
	int x = third(p);
	free(p);
	return x;
}
