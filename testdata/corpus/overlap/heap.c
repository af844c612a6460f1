// A copy inside a block of the heap, and one that only touches.
#include "../corpus.h"

// What -D_FORTIFY_SOURCE makes of memcpy.
void *__memcpy_chk(void *to, const void *from, size_t n, size_t room);

int main(void)
{
	char *p = calloc(1, 100);
	size_t n = 50;
	HIDE(p);
	HIDE(n);
	__memcpy_chk(p + 50, p, n, 50);
	__memcpy_chk(p + PICK(49, 50), p, n, 50);
	HIDE(p);
	free(p);
	return 0;
}
