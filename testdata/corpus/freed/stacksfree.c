// Only the stack of free is kept.
// options: --keep-stacktraces=free
#include "../corpus.h"

int main(void)
{
	char *p = calloc(1, 16);
	HIDE(p);
	PICK(free(p), (void)0);
	p[1] = 1;
	PICK((void)0, free(p));
	HIDE(p);
	return 0;
}
