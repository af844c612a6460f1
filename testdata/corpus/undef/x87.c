// An undefined number through the x87 stack.
// case: double -DT=double
// case: integer -DT=int
// case: long -DLONG
#include "../corpus.h"

#ifdef LONG
#define T long double
#endif

int main(void)
{
	T *p = FRESH(T, 2);
	HIDE(p);
	long double x = p[1];
	volatile double y = (double)(x * 2 + 1);
	if (y > 3)
		STEP();
	free(p);
	return 0;
}
