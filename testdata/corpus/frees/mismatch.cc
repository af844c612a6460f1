// Memory that is given back in another way than it was taken.
// case: malloc-delete -DTAKE=(char*)malloc(8) -DGIVE=(delete(p))
// case: malloc-array -DTAKE=(char*)malloc(8) -DGIVE=(delete[]p)
// case: calloc-delete -DTAKE=(char*)calloc(1,8) -DGIVE=(delete(p))
// case: new-free -DTAKE=(new(char)) -DGIVE=free(p)
// case: array-free -DTAKE=(new(char[8])) -DGIVE=free(p)
// case: new-array -DTAKE=(new(char)) -DGIVE=(delete[]p)
// case: array-delete -DTAKE=(new(char[8])) -DGIVE=(delete(p))
// case: new-realloc -DTAKE=(new(char)) -DGIVE=free(realloc(p,20))
// case: memalign-delete -DTAKE=(char*)aligned_alloc(16,16) -DGIVE=(delete(p))
// case: strdup-array -DTAKE=strdup(text) -DGIVE=(delete[]p)
#include "../corpus.h"

const char text[] = "text";

int main()
{
#ifdef TWIN
	char *p = (char *)malloc(8);
	HIDE(p);
	free(p);
#else
	char *p = TAKE;
	HIDE(p);
	GIVE;
#endif
	return 0;
}
