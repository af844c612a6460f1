// A write to a freed block.
// case: char -DT=char
// case: short -DT=short
// case: long -DT=long
#include "../corpus.h"

int main(void)
{
	T *p = calloc(8, sizeof(T));
	HIDE(p);
	PICK(free(p), (void)0);
	p[7] = 1;
	PICK((void)0, free(p));
	HIDE(p);
	return 0;
}
