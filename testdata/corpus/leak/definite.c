// A block whose only pointer is overwritten.
// case: malloc -DGET=malloc(100)
// case: calloc -DGET=calloc(10,10)
// case: realloc -DGET=realloc(malloc(5),100)
// case: memalign -DGET=aligned_alloc(64,128)
// case: strdup -DGET=strdup(text)
#include "../corpus.h"

const char *text = "some text";

NOINLINE void work(void)
{
	void *p = GET;
	HIDE(p);
	PICK((void)0, free(p));
	p = NULL;
	HIDE(p);
}

int main(void)
{
	work();
	work();
	return 0;
}
