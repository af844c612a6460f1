// Null pointers; the program dies of it.
// case: read -DREAD
// case: write
// case: field -DREAD -DOFFSET=24
#include "../corpus.h"

#ifndef OFFSET
#define OFFSET 0
#endif

int main(void)
{
	long value = 1;
	char *p = PICK(NULL, (char *)&value - OFFSET);
	HIDE(p);
#ifdef READ
	USE(*(int *)(p + OFFSET));
#else
	*(int *)(p + OFFSET) = 1;
#endif
	return 0;
}
