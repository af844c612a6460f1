// An address between two blocks belongs to the nearer one's red zone.
#include "../corpus.h"

int main(void)
{
	char *p[8];
	for (int i = 0; i < 8; i++)
		p[i] = calloc(1, 24);
	char *q = p[4];
	HIDE(q);
	USE(q[PICK(24 + 12, 20)]);
	USE(q[PICK(-3, 3)]);
	for (int i = 0; i < 8; i++)
		free(p[i]);
	return 0;
}
