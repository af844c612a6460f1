// A comparison that the defined bits decide.
// case: equal -DTEST=(x==0x12345678)
// case: notequal -DTEST=(x!=0x12345678)
// only: twin
#include "../corpus.h"

int main(void)
{
	unsigned char *p = malloc(4);
	p[3] = 0x99;
	HIDE(p);
	unsigned x = *(unsigned *)p;
	HIDE(x);
	if (TEST)
		STEP();
	free(p);
	return 0;
}
