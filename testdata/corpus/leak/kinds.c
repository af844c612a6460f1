// One of each kind, with a stack of its own.
#include "../corpus.h"

void *reachable, *interior;

NOINLINE void *get(size_t n) { return malloc(n); }

NOINLINE void lose(void)
{
	void **p = get(30);
	*p = get(40);
	HIDE(p);
#ifdef TWIN
	free(*p);
	free(p);
#endif
	p = NULL;
	HIDE(p);
}

NOINLINE void wipe(void)
{
	volatile long room[200];
	for (int i = 0; i < 200; i++)
		room[i] = 0;
}

int main(void)
{
	reachable = get(10);
	interior = (char *)get(20) + PICK(5, 0);
	lose();
	wipe();
	return 0;
}
