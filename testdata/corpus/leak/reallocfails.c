// The pointer is lost when realloc fails.
#include "../corpus.h"

int main(void)
{
	char *p = malloc(40), *old = p;
	size_t n = (size_t)1 << 60;
	HIDE(n);
	HIDE(p);
	p = realloc(p, n);
	PICK(old = NULL, (void)0);
	HIDE(old);
	free(p == NULL ? old : p);
	return 0;
}
