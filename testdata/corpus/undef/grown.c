// realloc keeps what was there, and what it adds is undefined.
// case: old -DI=9
// case: new -DI=10
// options: --track-origins=yes
#include "../corpus.h"

int main(void)
{
	int *p = calloc(10, 4), n = I;
	HIDE(p);
	p = realloc(p, 4000);
	PICK((void)0, p[10] = 1);
	HIDE(n);
	for (int i = 0; i <= 10; i++)
		if (p[i] == 77)
			STEP();
	free(p);
	return 0;
}
