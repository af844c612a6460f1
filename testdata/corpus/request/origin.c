// Where an undefined value comes from, if the program manages its memory itself.
// case: block -DBLOCK
// case: pool -DPOOL
// options: --track-origins=yes
#include "../corpus.h"

enum { MALLOCLIKE = 0x1301, CREATE = 0x1303, ALLOC = 0x1305 };

static __thread char chunk[1024];
static __thread int *volatile kept;

int main(void)
{
	MAKE_NOACCESS(chunk, sizeof chunk);
	int *p = kept = (int *)(chunk + 64);
#ifdef BLOCK
	REQUEST(0, MALLOCLIKE, p, 64, 0);
	PICK(0, MAKE_DEFINED(p, 64));
#else
	REQUEST(0, CREATE, chunk, 0, PICK(0, 1));
	REQUEST(0, ALLOC, chunk, p, 64);
#endif
	HIDE(p);
	if (p[3])
		STEP();
	return 0;
}
