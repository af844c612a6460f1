// A write of the element after the last one of a block.
// case: char -DT=char
// case: short -DT=short
// case: int -DT=int
// case: long -DT=long
#include "../corpus.h"

int main(void)
{
	T *p = calloc(3, sizeof(T));
	HIDE(p);
	p[PICK(3, 2)] = 1;
	HIDE(p);
	free(p);
	return 0;
}
