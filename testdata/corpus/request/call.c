// Functions called by client request: they get the thread's number first, and what they return counts.
// case: none -DCALLS=0
// case: one -DCALLS=1
// case: two -DCALLS=2
// once: the thread's number is one of the arguments
#include "../corpus.h"

static long none(long thread) { return thread; }
static long one(long thread, long a) { return thread + 10 * a; }
static long two(long thread, long a, long b) { return thread + 10 * a + 100 * b; }

int main(void)
{
	void *functions[] = {none, one, two};
	const long results[] = {1, 21, 321};
	// The default is what the twin returns natively.
	long got = REQUEST(results[CALLS], 0x1101 + CALLS, functions[CALLS], 2, 3);
	char *p = calloc(1, results[CALLS]);
	HIDE(p);
	p[got - PICK(0, 1)] = 1;
	free(p);
	return 0;
}
