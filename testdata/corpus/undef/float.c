// Comparisons of undefined floating-point numbers.
// case: float -DT=float
// case: double -DT=double
// case: extended -DX87
#include "../corpus.h"

#ifdef X87
#undef T
#define T long double
#endif

int main(void)
{
	T *p = FRESH(T, 2);
	HIDE(p);
	if (p[1] > 1)
		STEP();
	free(p);
	return 0;
}
