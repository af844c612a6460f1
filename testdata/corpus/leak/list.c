// A lost list: its head is definitely lost, the rest indirectly.
#include "../corpus.h"

struct node { struct node *next; char text[24]; };
struct node *head;

NOINLINE void build(int n)
{
	for (int i = 0; i < n; i++) {
		struct node *p = calloc(1, sizeof *p);
		p->next = head;
		head = p;
	}
}

int main(void)
{
	build(7);
	PICK(head = NULL, (void)0);
	HIDE(head);
	while (head != NULL) {
		struct node *next = head->next;
		free(head);
		head = next;
	}
	return 0;
}
