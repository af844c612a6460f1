// An undefined index or pointer is used as an address.
// case: load -DLOAD
// case: store -DSTORE
// case: pointer -DPOINTER
#include "../corpus.h"

int table[256];

int main(void)
{
	unsigned char *p = FRESH(unsigned char, 8);
	HIDE(p);
#ifdef LOAD
	USE(table[p[3]]);
#elif defined STORE
	table[p[3]] = 1;
#else
	int **q = (int **)p;
	uintptr_t part = (uintptr_t)*q & 252;
	HIDE(part);
	USE(*(int *)((char *)table + part));
#endif
	free(p);
	return 0;
}
