// A pool trimmed to a part: what lies outside is gone, and so is a block that reaches beyond both ends of the part.
// case: outside
// case: across -DACROSS
#include "../corpus.h"

enum { CREATE = 0x1303, DESTROY = 0x1304, ALLOC = 0x1305, TRIM = 0x1307 };

static __thread char chunk[1024];

int main(void)
{
	REQUEST(0, CREATE, chunk, 0, 0);
	MAKE_NOACCESS(chunk, sizeof chunk);
	char *p = chunk + 16, *q = chunk + 512;
	REQUEST(0, ALLOC, chunk, p, 24);
	REQUEST(0, ALLOC, chunk, q, 24);
#ifdef ACROSS
	REQUEST(0, TRIM, chunk, q + PICK(1, 0), 16);
#else
	REQUEST(0, TRIM, chunk, chunk, 256);
#endif
	HIDE(p);
	HIDE(q);
#ifdef ACROSS
	q[2] = 1;
#else
	p[1] = 1;
	PICK(q[1] = 1, 0);
#endif
	REQUEST(0, DESTROY, chunk, 0, 0);
	return 0;
}
