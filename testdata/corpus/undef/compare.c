// Comparisons of an undefined value with a constant, each way.
// case: equal -DOP=== -DWITH=5
// case: less -DOP=< -DWITH=5
// case: above -DT=unsigned -DOP=> -DWITH=100
// case: negative -DOP=< -DWITH=0
// case: notzero -DOP=!= -DWITH=0
// case: long -DT=long -DOP=<= -DWITH=77777777777
// case: byte -DT=char -DOP=>= -DWITH=65
#include "../corpus.h"

#ifndef T
#define T int
#endif

int main(void)
{
	T *p = FRESH(T, 2);
	HIDE(p);
	if (p[1] OP WITH)
		STEP();
	free(p);
	return 0;
}
