// A pool trimmed to a part: what lies outside is gone.
// once: the pool is one
#include "../corpus.h"

enum { CREATE = 0x1303, DESTROY = 0x1304, ALLOC = 0x1305, TRIM = 0x1307 };

static char chunk[1024];

int main(void)
{
	REQUEST(0, CREATE, chunk, 0, 0);
	MAKE_NOACCESS(chunk, sizeof chunk);
	char *p = chunk + 16, *q = chunk + 512;
	REQUEST(0, ALLOC, chunk, p, 24);
	REQUEST(0, ALLOC, chunk, q, 24);
	REQUEST(0, TRIM, chunk, chunk, 256);
	HIDE(p);
	HIDE(q);
	p[1] = 1;
	PICK(q[1] = 1, 0);
	REQUEST(0, DESTROY, chunk, 0, 0);
	return 0;
}
