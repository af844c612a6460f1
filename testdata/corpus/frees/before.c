// A pointer before a block.
#include "../corpus.h"

int main(void)
{
	char *p = malloc(48);
	HIDE(p);
	free(PICK(p - 8, p));
	PICK(free(p), (void)0);
	return 0;
}
