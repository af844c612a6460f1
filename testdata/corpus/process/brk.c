// Memory from sbrk, behind its end after it was given back.
// once: the break is one
#include "../corpus.h"

int main(void)
{
	char *p = sbrk(8192);
	HIDE(p);
	p[0] = 1;
	PICK(sbrk(-8192), NULL);
	p[100] = 1;
	PICK(NULL, sbrk(-8192));
	HIDE(p);
	return 0;
}
