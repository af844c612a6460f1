// An access before a block.
// case: read-char -DT=char -DREAD
// case: read-long -DT=long -DREAD
// case: write-char -DT=char
// case: write-int -DT=int
#include "../corpus.h"

int main(void)
{
	T *p = calloc(5, sizeof(T));
	HIDE(p);
#ifdef READ
	USE(p[PICK(-1, 0)]);
#else
	p[PICK(-1, 0)] = 1;
#endif
	HIDE(p);
	free(p);
	return 0;
}
