// An undefined value keeps its origin through copies.
// case: memcpy -DCOPY=memcpy(to,from,sizeof(to))
// case: memmove -DCOPY=memmove(to,from,sizeof(to))
// case: bytes -DCOPY=each(to,from)
// options: --track-origins=yes
#include "../corpus.h"

int to[10];

NOINLINE void each(void *to, const void *from)
{
	for (int i = 0; i < 40; i++)
		((volatile char *)to)[i] = ((const char *)from)[i];
}

int main(void)
{
	int *from = FRESH(int, 10);
	HIDE(from);
	COPY;
	HIDE(from);
	int *p = to;
	HIDE(p);
	if (p[4] == 3)
		STEP();
	free(from);
	return 0;
}
