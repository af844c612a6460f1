// A pointer into shared memory that was unmapped.
#include "../corpus.h"
#include <sys/mman.h>

int main(void)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	HIDE(p);
	p[100] = 1;
	munmap(p + 4096, PICK(4096, 4096));
	PICK(munmap(p, 4096), 0);
	p[100] = 2;
	return 0;
}
