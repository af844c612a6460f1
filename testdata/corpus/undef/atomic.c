// Atomic operations on memory that was never set.
// case: add -DCALL=__atomic_fetch_add(p,1,5)
// case: exchange -DCALL=__atomic_exchange_n(p,1,5)
// case: cas -DCALL=__sync_val_compare_and_swap(p,5,6)
#include "../corpus.h"

int main(void)
{
	int *p = FRESH(int, 2);
	HIDE(p);
	int x = CALL;
	HIDE(x);
	if (x == 3)
		STEP();
	free(p);
	return 0;
}
