// Reporting that is switched off for a while: the error before and the one after are seen.
#include "../corpus.h"

int main(void)
{
	char *p = calloc(1, 20);
	HIDE(p);
	p[PICK(20, 0)] = 1;
	REQUEST(0, MEMCHECK_REQUEST(14), p, 64, 0);
	REQUEST(0, 0x1801, 1, 0, 0);
	p[PICK(21, 1)] = 1;
	REQUEST(0, 0x1801, -1, 0, 0);
	p[PICK(22, 2)] = 1;
	HIDE(p);
	free(p);
	return 0;
}
