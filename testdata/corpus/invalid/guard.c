// A page without access behind mapped ones.
// case: mmap
// case: mprotect -DPROTECT
// case: munmap -DUNMAP
#include "../corpus.h"
#include <sys/mman.h>

int main(void)
{
	long page = 4096;
#ifdef PROTECT
	char *p = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(p + page, page, PROT_NONE);
#elif defined UNMAP
	char *p = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(p + page, page);
#else
	char *p = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(p, page, PROT_READ | PROT_WRITE);
#endif
	HIDE(p);
	p[page - 1] = 1;
	p[page + PICK(8, -8)] = 1;
	return 0;
}
