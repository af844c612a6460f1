// An allocator of the program's own that says what it does.
// case: overrun -DOVERRUN
// case: freed -DFREED
// case: twice -DTWICE
// case: leak -DLEAK
#include "../corpus.h"

static char arena[4096] __attribute__((aligned(16)));
static size_t used;

NOINLINE void *take(size_t n)
{
	char *p = arena + used + 16;
	used += (n + 47) & ~(size_t)15;
	REQUEST(0, 0x1301, p, n, 16);
	return p;
}

NOINLINE void give(void *p) { REQUEST(0, 0x1302, p, 16, 0); }

int main(void)
{
	MAKE_NOACCESS(arena, sizeof arena);
	char *p = take(20), *q = take(30);
	HIDE(p);
	HIDE(q);
	p[1] = 1;
#ifdef OVERRUN
	p[PICK(21, 19)] = 1;
#endif
	give(p);
#ifdef FREED
	PICK(p, q)[3] = 1;
#elif defined TWICE
	PICK(give(p), (void)0);
#endif
#ifdef LEAK
	PICK((void)0, give(q));
#else
	give(q);
#endif
	return 0;
}
