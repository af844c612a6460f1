// Client requests that ask whether memory is defined.
#include "../corpus.h"

int main(void)
{
	char *p = calloc(1, 16), *q = FRESH(char, 1);
	HIDE(q);
	memcpy(p + 5, q, 1);
	HIDE(p);
	USE(CHECK_DEFINED(p, 16));
	free(p);
	free(q);
	return 0;
}
