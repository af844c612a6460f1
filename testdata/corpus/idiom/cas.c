// Compare and exchange of a structure with padding, as C11's atomics do.
// only: twin
// flags: -mcx16
#include "../corpus.h"

int main(void)
{
	long *p = malloc(16);
	*p = 3;
	HIDE(p);
	long want = 3;
	if (!__atomic_compare_exchange_n(p, &want, 4, 0, 5, 5))
		return 1;
	free(p);
	return *&want != 3;
}
