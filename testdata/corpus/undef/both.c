// Comparisons of a defined with an undefined variable.
// case: signed -DT=int
// case: unsigned -DT=unsigned
// case: pointer -DT=intptr_t
#include "../corpus.h"

NOINLINE int max(T a, T b)
{
	if (a > b) {
		STEP();
		return 1;
	}
	return 0;
}

int main(void)
{
	T *p = FRESH(T, 2);
	p[0] = 17;
	HIDE(p);
	int x = max(p[0], p[1]);
	free(p);
	return PICK(0, 0 * x);
}
