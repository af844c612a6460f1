// The exit status of the program is undefined.
#include "../corpus.h"

int main(void)
{
	int *p = FRESH(int, 2);
	HIDE(p);
	int x = p[1] & 0x100;
	HIDE(x);
	free(p);
	_exit(x);
}
