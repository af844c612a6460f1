// Functions with variable arguments save all vector registers, used or not.
// only: twin
#include "../corpus.h"
#include <stdarg.h>

NOINLINE double sum(int n, ...)
{
	va_list l;
	double s = 0;
	va_start(l, n);
	for (int i = 0; i < n; i++)
		s += i % 2 ? va_arg(l, double) : va_arg(l, int);
	va_end(l);
	return s;
}

int main(void)
{
	return sum(4, 1, 2.5, 3, 4.5) != 11;
}
