// --show-leak-kinds: only definite losses are shown, all are counted.
// options: --show-leak-kinds=definite
#include "../corpus.h"

void *reachable;

NOINLINE void lose(void)
{
	void *p = malloc(55);
	HIDE(p);
	PICK((void)0, free(p));
}

int main(void)
{
	reachable = malloc(10);
	lose();
	return 0;
}
