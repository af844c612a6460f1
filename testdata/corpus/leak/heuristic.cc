// Blocks of four shapes with a global pointer to their interior, with and without the heuristic that knows them: it makes of what
// is possibly lost something reachable.
// case: stdstring -DSTRING --leak-check-heuristics=none
// case: stdstring-known -DSTRING --leak-check-heuristics=stdstring
// case: length64 -DLENGTH --leak-check-heuristics=none
// case: length64-known -DLENGTH --leak-check-heuristics=length64
// case: newarray -DARRAY --leak-check-heuristics=none
// case: newarray-known -DARRAY --leak-check-heuristics=newarray
// case: inheritance -DBASES --leak-check-heuristics=none
// case: inheritance-known -DBASES --leak-check-heuristics=multipleinheritance
#include "../corpus.h"
#include <string>

static void *kept;

struct item {
	long value = 1;
	NOINLINE ~item() { HIDE(value); }
};

struct first { virtual ~first() {} long a; };
struct second { virtual ~second() {} long b; };
struct both : first, second { long c; };

int main()
{
#ifdef STRING
	// What a string was before its characters moved inside: length, room, count, characters.
	size_t *p = (size_t *)malloc(24 + 20 + 1);
	p[0] = 20;
	p[1] = 20;
	p[2] = 0;
	memset(p + 3, 'x', 20);
	((char *)(p + 3))[20] = 0;
	kept = p + 3;
#elif defined LENGTH
	// Its length, and behind it what is used.
	uint64_t *p = (uint64_t *)malloc(8 + 72);
	p[0] = 72;
	kept = p + 1;
#elif defined ARRAY
	item *p = new item[6];
	kept = p;
#else
	both *p = new both;
	kept = static_cast<second *>(p);
#endif
	HIDE(kept);
#ifdef TWIN
#ifdef ARRAY
	delete[] p;
#elif defined BASES
	delete p;
#else
	free(p);
#endif
#endif
	return 0;
}
