// The end that realloc has cut off.
#include "../corpus.h"

int main(void)
{
	char *p = realloc(calloc(1, 100), 50);
	HIDE(p);
	p[PICK(60, 40)] = 1;
	HIDE(p);
	free(p);
	return 0;
}
