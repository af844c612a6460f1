// A call through an undefined pointer.
#include "../corpus.h"

NOINLINE void f(void) { SEEN(); }
NOINLINE void g(void) { SEEN(); }

int main(void)
{
	unsigned char *p = FRESH(unsigned char, 1);
	void (*calls[2])(void) = {f, g};
	HIDE(p);
	calls[*p & 1]();
	free(p);
	return 0;
}
