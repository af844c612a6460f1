// Memory from mmap.
#include "../corpus.h"
#include <sys/mman.h>

int main(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *q = PICK(p, NULL);
	HIDE(q);
	free(q);
	munmap(p, 4096);
	return 0;
}
