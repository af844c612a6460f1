// A list freed with a loop that reads the next pointer from what it has freed.
#include "../corpus.h"

struct node { struct node *next; int value; };

NOINLINE void drop(struct node *n)
{
	while (n != NULL) {
		struct node *next = n->next;
		free(n);
		n = PICK(n->next, next);
		HIDE(n);
	}
}

int main(void)
{
	struct node *first = NULL;
	for (int i = 0; i < 4; i++) {
		struct node *n = malloc(sizeof *n);
		n->next = first;
		n->value = i;
		first = n;
	}
	drop(first);
	return 0;
}
