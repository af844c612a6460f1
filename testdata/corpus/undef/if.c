// A condition on an undefined value, of each size and type.
// case: char -DT=char
// case: short -DT=short
// case: int -DT=int
// case: long -DT=long
// case: bool -DT=_Bool
// case: int128 -DT=__int128
#include "../corpus.h"

int main(void)
{
	T *p = FRESH(T, 4);
	HIDE(p);
	if (p[1])
		STEP();
	free(p);
	return 0;
}
