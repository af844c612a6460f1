// Functions with malloc's names in an object that --soname-synonyms does not name: nothing is known of their blocks.
// case: other --soname-synonyms=somalloc=lib*
// case: system --soname-synonyms=somalloc=nouserintercepts
// flags: -fno-builtin
// only: twin
#include "../corpus.h"

static char arena[1 << 16];
static size_t used;

__attribute__((noipa)) void *malloc(size_t n)
{
	size_t *p = (size_t *)(arena + used);
	used += (n + 31) & ~(size_t)15;
	*p = n;
	return p + 2;
}

__attribute__((noipa)) void free(void *p) { (void)p; }

// For the C library's own calls, where it is linked statically.
void *calloc(size_t n, size_t size) { return malloc(n * size); }

void *realloc(void *p, size_t n)
{
	void *q = malloc(n);
	return p ? memmove(q, p, n < ((size_t *)p)[-2] ? n : ((size_t *)p)[-2]) : q;
}

int main(void)
{
	char *p = malloc(30);
	HIDE(p);
	p[30] = 1; // in the arena
	free(p);
	p[3] = 1;
	return 0;
}
