// Memory from sbrk is undefined to Memcheck, although the kernel clears it, and ends where the break is.
// case: undefined -DSETS=PICK(0,1) -DAT=50
// case: end -DSETS=1 -DAT=PICK(100,99)
#include "../corpus.h"

int main(void)
{
	char *p = sbrk(100);
	HIDE(p);
	if (SETS)
		memset(p, 0, 100);
	if (p[AT] == 7)
		STEP();
	return 0;
}
