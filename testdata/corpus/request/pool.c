// A pool of memory: use after a piece was given back, and after the pool has gone.
// case: freed -DFREED
// case: overrun -DOVERRUN
// case: destroyed -DDESTROYED
// case: badfree -DBADFREE
// case: nopool -DNOPOOL
#include "../corpus.h"

enum { CREATE = 0x1303, DESTROY = 0x1304, ALLOC = 0x1305, FREE = 0x1306, TRIM = 0x1307 };

static __thread char chunk[1024];

int main(void)
{
	REQUEST(0, CREATE, chunk, 8, 0);
	MAKE_NOACCESS(chunk, sizeof chunk);
	char *p = chunk + 16, *q = chunk + 64;
	REQUEST(0, ALLOC, chunk, p, 24);
	REQUEST(0, ALLOC, chunk, q, 24);
	HIDE(p);
	HIDE(q);
	p[0] = q[0] = 1;
#ifdef OVERRUN
	p[PICK(24, 23)] = 1;
#elif defined FREED
	REQUEST(0, FREE, chunk, PICK(p, q), 0);
	p[1] = 1;
#elif defined BADFREE
	REQUEST(0, FREE, chunk, PICK(p + 1, p), 0);
#elif defined NOPOOL
	REQUEST(0, FREE, PICK(chunk + 1, chunk), p, 0);
#endif
#ifdef DESTROYED
	PICK(REQUEST(0, DESTROY, chunk, 0, 0), 0);
	p[2] = 1;
	PICK(0, REQUEST(0, DESTROY, chunk, 0, 0));
#else
	REQUEST(0, DESTROY, chunk, 0, 0);
#endif
	return 0;
}
