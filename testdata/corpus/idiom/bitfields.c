// Bit fields are set one by one in a word that starts undefined.
// only: twin
#include "../corpus.h"

struct bits { unsigned a : 3, b : 5, c : 11, d : 1; };

int main(void)
{
	struct bits *b = malloc(sizeof *b);
	HIDE(b);
	b->a = 5;
	b->c = 1000;
	b->d = 1;
	b->b = 17;
	HIDE(b);
	if (b->a != 5 || b->b != 17 || b->c != 1000 || b->d != 1)
		return 1;
	free(b);
	return 0;
}
