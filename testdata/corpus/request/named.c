// A described block: the report says its name.
#include "../corpus.h"

static char area[128];

int main(void)
{
	REQUEST(0, MEMCHECK_REQUEST(8), area, sizeof area, "the area");
	MAKE_NOACCESS(area, sizeof area);
	char *p = area;
	HIDE(p);
	PICK(p[10] = 1, 0);
	return 0;
}
