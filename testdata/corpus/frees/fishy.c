// Sizes that are negative numbers.
// case: malloc -DCALL=malloc(n)
// case: calloc -DCALL=calloc(n,1)
// case: realloc -DCALL=realloc(NULL,n)
// case: memalign -DCALL=memalign(16,n)
#include "../corpus.h"
#include <malloc.h>

int main(void)
{
	long n = PICK(-5, 5);
	HIDE(n);
	void *p = CALL;
	HIDE(p);
	free(p);
	return 0;
}
