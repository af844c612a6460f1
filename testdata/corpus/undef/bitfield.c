// A bit field that was never set, beside one that was.
// case: one -DWIDTH=1
// case: three -DWIDTH=3
// case: eleven -DWIDTH=11
#include "../corpus.h"

struct flags { unsigned a : WIDTH, b : WIDTH, c : 7; };

NOINLINE void look(struct flags *f)
{
	if (f->b)
		STEP();
}

int main(void)
{
	struct flags *f = FRESH(struct flags, 1);
	f->a = 1;
	f->c = 3;
	PICK((void)0, f->b = 1);
	HIDE(f);
	look(f);
	free(f);
	return 0;
}
