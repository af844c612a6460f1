// Blocks from functions of the C library, freed wrongly.
// case: strdup -DGET=strdup(hello)
// case: strndup -DGET=strndup(hello,3)
// case: asprintf -DGET=(asprintf(&q,hello),q)
#include "../corpus.h"

int main(void)
{
	char *q = NULL, *hello = "hello", *p = GET;
	HIDE(p);
	free(PICK(p + 1, p));
	PICK(free(p), (void)0);
	PICK(free(p), (void)0);
	return 0;
}
