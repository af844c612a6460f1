// A local variable of a function that has returned, far below the stack pointer.
// case: read -DREAD
// case: write
#include "../corpus.h"

NOINLINE long *local(void)
{
	long big[1000], *p = big;
	HIDE(p);
	for (int i = 0; i < 1000; i++)
		p[i] = i;
	SEEN();
	return p;
}

int main(void)
{
	long *p = local(), own[4] = {0};
	HIDE(p);
	PICK((void)0, p = own);
#ifdef READ
	USE(p[3]);
#else
	p[3] = 1;
#endif
	return 0;
}
