// Memory from sbrk, behind its end after some of it was given back. The kernel keeps the rest of the page, so that nothing crashes.
#include "../corpus.h"

int main(void)
{
	char *p = sbrk(8192);
	HIDE(p);
	p[0] = 1;
	PICK(sbrk(-8192 + 64), NULL);
	p[100] = 1;
	PICK(NULL, sbrk(-8192));
	HIDE(p);
	return 0;
}
