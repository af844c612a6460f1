// Far behind the start of a large block, and just before it.
#include "../corpus.h"

int main(void)
{
	char *p = malloc(3000000);
	HIDE(p);
	p[PICK(3000000, 2999999)] = 1;
	p[PICK(-8, 0)] = 1;
	HIDE(p);
	free(p);
	return 0;
}
