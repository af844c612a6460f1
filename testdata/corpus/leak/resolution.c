// How much of a stack tells records apart.
// case: low -DX
// options: --leak-resolution=low
#include "../corpus.h"

NOINLINE void *inner(size_t n) { void *p = malloc(n); HIDE(p); return p; }
NOINLINE void *a(size_t n) { void *p = inner(n); HIDE(p); return p; }
NOINLINE void *b(size_t n) { void *p = inner(n); HIDE(p); return p; }

int main(void)
{
	void *p = a(10), *q = b(20);
	HIDE(p);
	HIDE(q);
	PICK((void)0, free(p));
	PICK((void)0, free(q));
	p = q = NULL;
	HIDE(p);
	HIDE(q);
	return 0;
}
