// What is masked, shifted or extended away does not matter.
// only: twin
#include "../corpus.h"

int main(void)
{
	unsigned char *p = malloc(8);
	p[0] = 7;
	p[4] = 9;
	HIDE(p);
	unsigned long x = *(unsigned long *)p;
	HIDE(x);
	if ((x & 255) != 7)
		return 1;
	if ((unsigned char)(x >> 32) != 9)
		return 2;
	unsigned y = (unsigned char)x * 3;
	HIDE(y);
	if (y != 21)
		return 3;
	if ((x << 56) >> 56 != 7)
		return 4;
	free(p);
	return 0;
}
