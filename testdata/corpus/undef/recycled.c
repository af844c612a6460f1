// A block of memory that was free in between is undefined again.
#include "../corpus.h"

int main(void)
{
	for (int i = 0; i < 3; i++) {
		int *p = malloc(2000000);
		HIDE(p);
		if (i == 0 || PICK(0, 1))
			p[100] = 1;
		HIDE(p);
		if (p[100] == 3)
			STEP();
		free(p);
	}
	return 0;
}
