// An allocator of the program's own, whose functions are replaced because they have malloc's names.
// case: default
// case: none --soname-synonyms=somalloc=NONE
// flags: -fno-builtin
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
	p[PICK(30, 29)] = 1;
	free(p);
	return 0;
}
