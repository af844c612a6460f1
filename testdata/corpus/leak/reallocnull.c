// realloc that does another function's work: of NULL it allocates, with size 0 it frees. Stacks name that function, as suppressions do.
// case: lost -DLOST
// case: freed -DFREED
// case: overrun -DOVERRUN
// case: wild -DWILD
// case: negative -DNEGATIVE
#include "../corpus.h"

int main(void)
{
	char *volatile p = realloc(NULL, 24);
#ifdef LOST
	p = PICK(NULL, p);
	free(p);
#elif defined FREED
	char other[1], *old = p, *volatile q = realloc(p, 0);
	PICK((void)0, old = other);
	HIDE(old);
	old[0] = 1;
	SEEN();
	free(q);
#elif defined OVERRUN
	p[PICK(24, 23)] = 1;
	free(p);
#elif defined WILD
	char *volatile q = realloc(PICK(p + 8, p), 0);
	free(PICK(p, q));
#else
	char *volatile q = realloc(NULL, PICK(-5, 5));
	free(q);
	free(p);
#endif
	return 0;
}
