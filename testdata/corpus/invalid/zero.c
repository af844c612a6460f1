// Use of a block of no bytes.
#include "../corpus.h"

int main(void)
{
	char *p = malloc(PICK(0, 1));
	HIDE(p);
	*p = 1;
	HIDE(p);
	free(p);
	return 0;
}
