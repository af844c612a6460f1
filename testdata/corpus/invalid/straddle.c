// An access half inside a block and half beyond its end, not aligned.
// case: read-short -DT=short -DAT=20 -DREAD
// case: read-int -DT=int -DAT=19 -DREAD
// case: read-long -DT=long -DAT=15 -DREAD
// case: write-short -DT=short -DAT=20
// case: write-int -DT=int -DAT=19
// case: write-long -DT=long -DAT=15
#include "../corpus.h"

typedef T U __attribute__((aligned(1)));

int main(void)
{
	char *p = calloc(1, 21);
	HIDE(p);
	U *q = (U *)(p + PICK(AT, 4));
	HIDE(q);
#ifdef READ
	USE(*q);
#else
	*q = 1;
#endif
	HIDE(p);
	free(p);
	return 0;
}
