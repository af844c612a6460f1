// exit in the middle of the work, and a list on the stack that is gone.
#include "../corpus.h"

struct node { struct node *next; };

NOINLINE void work(struct node *n, int depth)
{
	struct node own = {malloc(sizeof own)};
	own.next->next = n;
	HIDE(n);
	if (depth == 3)
		PICK(_exit(0), (void)0);
	else
		work(own.next, depth + 1);
	free(own.next);
}

int main(void)
{
	work(NULL, 0);
	return 0;
}
