// realloc to a negative size leaves the block as it is.
#include "../corpus.h"

int main(void)
{
	long n = PICK(-100, 100);
	char *p = malloc(10);
	HIDE(n);
	HIDE(p);
	void *q = realloc(p, n);
	free(q == NULL ? p : q);
	return 0;
}
