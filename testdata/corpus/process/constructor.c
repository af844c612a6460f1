// A fault before main.
#include "../corpus.h"

static char *p;

__attribute__((constructor)) static void early(void)
{
	p = calloc(1, 8);
	HIDE(p);
	p[PICK(8, 7)] = 1;
}

int main(void)
{
	free(p);
	return 0;
}
