// longjmp over frames: their variables are gone.
#include "../corpus.h"
#include <setjmp.h>

static jmp_buf back;
static long *kept, own[10];

NOINLINE void deep(int n)
{
	long room[300], *p = room;
	HIDE(p);
	p[10] = n;
	if (n == 0) {
		kept = PICK(p, own);
		longjmp(back, 1);
	}
	deep(n - 1);
	HIDE(p);
}

int main(void)
{
	if (setjmp(back) == 0)
		deep(5);
	long *p = kept;
	HIDE(p);
	p[5] = 1;
	return 0;
}
