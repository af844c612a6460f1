// The origin of a variable of a function, whose place its caller has looked at before, when it was nobody's.
// options: --track-origins=yes
// levels: -O0
#include "../corpus.h"

NOINLINE int *stale(void)
{
	int a[16];
	int *p = a;
	HIDE(p);
	return p;
}

NOINLINE void fresh(int i)
{
	int b[16];
	int *p = b;
	PICK((void)0, memset(b, 0, sizeof b));
	HIDE(p);
	if (p[i] == 3)
		STEP();
}

int main(void)
{
	int *p = stale();
	for (int i = 0; i < PICK(16, 0); i++)
		USE(p[i]);
	for (int i = 0; i < 16; i += 5)
		fresh(i);
	return 0;
}
