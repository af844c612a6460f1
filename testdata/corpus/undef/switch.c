// A switch on an undefined value: by comparisons or by a table.
// case: few -DN=3
// case: table -DN=9
#include "../corpus.h"

NOINLINE int way(int x)
{
	switch (x) {
	case 1: STEP(); return 3;
	case 2: STEP(); return 9;
#if N > 3
	case 3: STEP(); return 27;
	case 4: STEP(); return 1;
	case 5: STEP(); return 6;
	case 6: STEP(); return 65;
	case 7: STEP(); return 13;
	case 8: STEP(); return 11;
#endif
	}
	return 0;
}

int main(void)
{
	int *p = FRESH(int, 2);
	HIDE(p);
	USE(way(p[0]));
	free(p);
	return 0;
}
