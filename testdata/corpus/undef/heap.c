// The origin of an undefined value from the heap.
// case: malloc -DGET=malloc(40)
// case: realloc -DGET=realloc(calloc(1,4),40)
// case: memalign -DGET=aligned_alloc(64,64)
// options: --track-origins=yes
#include "../corpus.h"

int main(void)
{
	int *p = GET;
	PICK((void)0, memset(p, 0, 40));
	HIDE(p);
	if (p[5] == 3)
		STEP();
	free(p);
	return 0;
}
