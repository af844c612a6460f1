// Memory that the program says must not be touched.
// case: heap -DHEAP
// case: data
#include "../corpus.h"

char data[64];

int main(void)
{
	char *p = data;
#ifdef HEAP
	p = calloc(1, 64);
#endif
	MAKE_NOACCESS(p + 16, 16);
	HIDE(p);
	p[PICK(20, 40)] = 1;
	HIDE(p);
#ifdef HEAP
	free(p);
#endif
	return 0;
}
