// A union written as its small member and read as its large one.
#include "../corpus.h"

union number { char c; long l; };

int main(void)
{
	union number *u = malloc(sizeof *u);
	PICK(u->c = 1, u->l = 1);
	HIDE(u);
	if (u->l == 1)
		STEP();
	free(u);
	return 0;
}
