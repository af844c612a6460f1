// The result of a comparison that is kept in a variable, and used later.
#include "../corpus.h"

int main(void)
{
	int *p = FRESH(int, 2);
	HIDE(p);
	unsigned char is = p[1] == 7;
	HIDE(is);
	int twice = is * 2 + 1;
	HIDE(twice);
	if (twice == 3)
		STEP();
	free(p);
	return 0;
}
