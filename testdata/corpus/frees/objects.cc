// An array of objects with destructors, deleted as a single one: not the address that new gave.
#include "../corpus.h"

struct thing {
	int value = 0;
	NOINLINE ~thing() { HIDE(value); }
};

int main()
{
	thing *p = new thing[3];
	HIDE(p);
	PICK(free(p), delete[] p);
	return 0;
}
