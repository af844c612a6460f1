// One bit of an undefined word is set, and only that is looked at.
// only: twin
#include "../corpus.h"

int main(void)
{
	unsigned *p = malloc(sizeof *p);
	HIDE(p);
	*p |= 1 << 7;
	HIDE(p);
	if (!(*p & 1 << 7))
		return 1;
	*p &= ~(1u << 3);
	HIDE(p);
	if (*p & 1 << 3)
		return 2;
	free(p);
	return 0;
}
