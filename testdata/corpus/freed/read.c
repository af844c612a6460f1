// A read of a freed block.
// case: char -DT=char
// case: int -DT=int
// case: long -DT=long
// case: double -DT=double
#include "../corpus.h"

int main(void)
{
	T *p = calloc(8, sizeof(T));
	HIDE(p);
	PICK(free(p), USE(p[3]));
	PICK(USE(p[3]), free(p));
	return 0;
}
