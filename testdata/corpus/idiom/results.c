// Results that functions of the allocator store are defined.
// only: twin
#include "../corpus.h"
#include <malloc.h>

int main(void)
{
	void *p;
	HIDE(p);
	if (posix_memalign(&p, 64, 100) != 0 || p == NULL)
		return 1;
	*(char *)p = 1;
	if (malloc_usable_size(p) < 100)
		return 2;
	free(p);
	return 0;
}
