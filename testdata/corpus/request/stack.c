// A stack of the program's own, registered, and what is below its pointer.
#include "../corpus.h"

int main(void)
{
	char *p = calloc(1, 64);
	long id = REQUEST(0, 0x1501, p, p + 63, 0);
	HIDE(p);
	p[PICK(64, 63)] = 1;
	REQUEST(0, 0x1502, id, 0, 0);
	HIDE(p);
	free(p);
	return 0;
}
