// A block that grows and shrinks where it is.
#include "../corpus.h"

static __thread char arena[256];

int main(void)
{
	char *p = arena + 32;
	MAKE_NOACCESS(arena, sizeof arena);
	REQUEST(0, 0x1301, p, 40, 0);
	REQUEST(0, 0x130b, p, 40, 20);
	HIDE(p);
	p[PICK(30, 10)] = 1;
	REQUEST(0, 0x1302, p, 0, 0);
	return 0;
}
