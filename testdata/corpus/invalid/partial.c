// A word at the end of a block that is half behind it, aligned: what functions of libraries do on purpose, when alone.
// options: --partial-loads-ok=no
#include "../corpus.h"

int main(void)
{
	char *p = calloc(1, PICK(12, 16));
	HIDE(p);
	USE(*(long *)(p + 8));
	free(p);
	return 0;
}
