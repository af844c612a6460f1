// A computed goto with an undefined index.
#include "../corpus.h"

int main(void)
{
	static void *const labels[] = {&&a, &&b};
	unsigned char *p = FRESH(unsigned char, 1);
	HIDE(p);
	goto *labels[*p & 1];
a:
	STEP();
b:
	free(p);
	return 0;
}
