// Assignment of a structure that is larger than the block it is assigned to.
// case: struct24 -DN=24
// case: struct64 -DN=64
// case: struct200 -DN=200
#include "../corpus.h"

struct big { char c[N]; } from;

NOINLINE void assign(struct big *to) { *to = from; }

int main(void)
{
	struct big *p = malloc(N - PICK(4, 0));
	HIDE(p);
	assign(p);
	HIDE(p);
	free(p);
	return 0;
}
