// A union larger than what is stored is assigned as a whole.
// only: twin
#include "../corpus.h"

union any { int i; double d; char text[32]; };
struct value { int kind; union any of; };

NOINLINE void put(struct value *to, struct value from) { *to = from; }

int main(void)
{
	struct value *list = malloc(4 * sizeof *list), v;
	v.kind = 1;
	v.of.i = 42;
	HIDE(list);
	for (int i = 0; i < 4; i++)
		put(&list[i], v);
	HIDE(list);
	if (list[2].kind == 1 && list[2].of.i != 42)
		return 1;
	free(list);
	return 0;
}
