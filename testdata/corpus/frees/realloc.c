// realloc of what it should not get.
// case: freed -DFREED
// case: middle -DMIDDLE
// case: stack
#include "../corpus.h"

int main(void)
{
	char *p = malloc(32), *q = p, local[16];
	HIDE(p);
#ifdef FREED
	PICK(free(p), (void)0);
#elif defined MIDDLE
	PICK(q = p + 4, (void)0);
#else
	PICK(q = local, (void)0);
#endif
	HIDE(q);
	char *r = realloc(q, 64);
	HIDE(r);
	free(r);
#ifndef FREED
	PICK(free(p), (void)0);
#endif
	return 0;
}
