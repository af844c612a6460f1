// The same block freed twice.
// case: small -DN=8
// case: large -DN=500000
#include "../corpus.h"

NOINLINE void drop(void *p) { free(p); SEEN(); }

int main(void)
{
	void *p = malloc(N);
	HIDE(p);
	drop(p);
	PICK(drop(p), (void)0);
	return 0;
}
