// Rings of blocks that only they themselves point to.
// case: self -DN=1
// case: two -DN=2
// case: five -DN=5
#include "../corpus.h"

struct node { struct node *next; long pad; };

NOINLINE void ring(void)
{
	struct node *first = malloc(sizeof *first), *last = first;
	for (int i = 1; i < N; i++) {
		last->next = malloc(sizeof *last);
		last = last->next;
	}
	last->next = PICK(first, NULL);
	HIDE(first);
#ifdef TWIN
	while (first != NULL) {
		last = first->next;
		free(first);
		first = last;
	}
#endif
	first = last = NULL;
	HIDE(first);
	HIDE(last);
}

NOINLINE void wipe(void)
{
	volatile long room[200];
	for (int i = 0; i < 200; i++)
		room[i] = 0;
}

int main(void)
{
	ring();
	wipe();
	return 0;
}
