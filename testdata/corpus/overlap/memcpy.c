// Source and destination of a copy overlap.
// case: up -DCALL=__memcpy_chk(p+4,p,n,60)
// case: down -DCALL=__memcpy_chk(p,p+4,n,60)
// case: one -DCALL=__memcpy_chk(p+7,p,n,57)
#include "../corpus.h"

// What -D_FORTIFY_SOURCE makes of memcpy. Valgrind takes memcpy itself for memmove, which shares its code.
void *__memcpy_chk(void *to, const void *from, size_t n, size_t room);

int main(void)
{
	char text[64] = "0123456789abcdefghijklmnopqrstuvwxyz", *p = text;
	size_t n = PICK(8, 1);
	HIDE(p);
	HIDE(n);
	CALL;
	HIDE(p);
	return 0;
}
