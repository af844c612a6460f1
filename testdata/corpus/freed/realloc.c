// The old pointer after realloc has moved the block.
// case: grow -DOLD=40 -DNEW=400000
// case: shrink -DOLD=4000 -DNEW=16
#include "../corpus.h"

int main(void)
{
	char *p = calloc(1, OLD), *q = p;
	HIDE(p);
	q = realloc(p, NEW);
	PICK((void)0, p = q);
	p[8] = 1;
	HIDE(p);
	free(q);
	return 0;
}
