// One byte of a word is undefined, and one byte is looked at.
// case: first -DI=0
// case: third -DI=2
// case: seventh -DI=6
#include "../corpus.h"

int main(void)
{
	unsigned char *p = malloc(8);
	for (int i = 0; i < 8; i++)
		if (i != PICK(I, (I + 1) % 8))
			p[i] = i;
	HIDE(p);
	unsigned long word = *(unsigned long *)p;
	HIDE(word);
	if ((word >> (8 * I) & 255) == 99)
		STEP();
	free(p);
	return 0;
}
