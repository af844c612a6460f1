// A row of a table moved with memcpy instead of memmove.
#include "../corpus.h"

struct row { int id; char name[12]; } rows[10];

// What -D_FORTIFY_SOURCE makes of memcpy.
void *__memcpy_chk(void *to, const void *from, size_t n, size_t room);

NOINLINE void erase(int i, int n)
{
	size_t left = (n - i - 1) * sizeof rows[0];
	PICK(__memcpy_chk(&rows[i], &rows[i + 1], left, left + 1), memmove(&rows[i], &rows[i + 1], left));
	SEEN();
}

int main(void)
{
	int n = 10;
	HIDE(n);
	erase(2, n);
	erase(7, n);
	return 0;
}
