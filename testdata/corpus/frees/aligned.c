// Blocks with alignment, freed twice or in the middle.
// case: memalign -DGET=memalign(64,100)
// case: aligned -DGET=aligned_alloc(128,256)
// case: valloc -DGET=valloc(100)
#include "../corpus.h"
#include <malloc.h>

int main(void)
{
	char *p = GET;
	HIDE(p);
	p[PICK(-1, 0)] = 1;
	HIDE(p);
	free(PICK(p + 32, p));
	PICK(free(p), (void)0);
	return 0;
}
