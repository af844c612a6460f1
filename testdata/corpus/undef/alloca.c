// Memory from alloca and variable arrays.
// case: alloca -DGET=alloca(n)
// options: --track-origins=yes
#include "../corpus.h"
#include <alloca.h>

NOINLINE void work(size_t n)
{
	char *p = alloca(n);
	HIDE(p);
	memset(p, 0, n - PICK(1, 0));
	HIDE(p);
	if (p[n - 1] == 3)
		STEP();
}

int main(void)
{
	size_t n = 100;
	HIDE(n);
	work(n);
	n = 9000;
	HIDE(n);
	work(n);
	return 0;
}
