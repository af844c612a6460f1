// Pointers that are hidden: not aligned, shifted, in a file mapping of their own, and in mapped memory, where they count.
// case: unaligned -DUNALIGNED
// case: shifted -DSHIFTED
// case: mapped -DMAPPED
#include "../corpus.h"
#include <sys/mman.h>

char place[32];

int main(void)
{
	char *p = malloc(60);
	HIDE(p);
#ifdef UNALIGNED
	memcpy(place + PICK(3, 8), &p, sizeof p);
#elif defined SHIFTED
	*(uintptr_t *)place = (uintptr_t)p ^ PICK(~0UL, 0);
#else
	char **m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	m[7] = p;
	PICK(munmap(m, 4096), 0);
	m = NULL;
	HIDE(m);
#endif
	p = NULL;
	HIDE(p);
	return 0;
}
