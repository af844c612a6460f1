// Is it addressable? A request that reports what is not.
#include "../corpus.h"

int main(void)
{
	char *p = calloc(1, 20);
	HIDE(p);
	USE(CHECK_ADDRESSABLE(p, PICK(24, 20)));
	free(p);
	return 0;
}
