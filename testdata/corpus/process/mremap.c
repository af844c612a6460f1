// The old place of a mapping that mremap has moved.
#include "../corpus.h"
#include <sys/mman.h>

int main(void)
{
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *wall = mmap(p + 4096, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	HIDE(wall);
	char *q = mremap(p, 4096, 65536, MREMAP_MAYMOVE);
	PICK((void)0, p = q);
	HIDE(p);
	p[5] = 1;
	return 0;
}
