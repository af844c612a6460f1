// A pointer into a block.
// case: one -DBY=1
// case: sixteen -DBY=16
#include "../corpus.h"

int main(void)
{
	char *p = malloc(48);
	HIDE(p);
	free(PICK(p + BY, p));
	PICK(free(p), (void)0);
	return 0;
}
