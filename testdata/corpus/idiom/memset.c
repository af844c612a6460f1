// A part of a block is cleared, word by word, and only that is used; the rest is written to a file never.
// only: twin
#include "../corpus.h"

int main(void)
{
	for (int n = 1; n < 100; n += 7) {
		char *p = malloc(128);
		HIDE(p);
		memset(p + 3, 5, n);
		HIDE(p);
		for (int i = 0; i < n; i++)
			if (p[3 + i] != 5)
				return 1;
		free(p);
	}
	return 0;
}
