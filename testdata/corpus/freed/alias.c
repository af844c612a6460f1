// Two owners of one string, one of which frees it.
#include "../corpus.h"

struct person { char *name; };

NOINLINE void drop(struct person *p) { free(p->name); }

int main(void)
{
	struct person a = {strdup("somebody")}, b = PICK(a, (struct person){strdup(a.name)});
	drop(&a);
	HIDE(b.name);
	USE(b.name[2]);
	PICK((void)0, drop(&b));
	return 0;
}
