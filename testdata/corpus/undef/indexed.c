// An undefined index is used in one place time and again, each time another one.
// case: calls -DCALLS
// case: loop
#include "../corpus.h"

int table[256];

NOINLINE int look(unsigned i) { return table[i]; }

int main(void)
{
	unsigned char *p = FRESH(unsigned char, 8);
	HIDE(p);
#ifdef CALLS
	int n = look(p[1]);
	n += look(p[2]);
	n += look(p[3]);
	USE(n);
#else
	for (int i = 0; i < 3; i++)
		USE(look(p[i]));
	USE(look(p[4]));
#endif
	free(p);
	return 0;
}
