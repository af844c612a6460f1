// Undefined values that are copied again and again, by registers, vectors, the stack and the C library, before one is used: each has
// the origin of what it was copied from last, and not that of places it went through before.
// case: heap -DFROM=0
// case: other -DFROM=1
// case: frame -DFROM=2
// case: parameter -DFROM=3
// options: --track-origins=yes
#include "../corpus.h"

enum { ROUNDS = 64, WORDS = 12 };

struct words { long a[WORDS]; int tail; char last; };

static struct words *volatile kept[2];
static struct words hand, store;

NOINLINE static struct words *block(void)
{
	struct words *w = malloc(sizeof *w);
	HIDE(w);
	PICK((void)0, memset(w, 1, sizeof *w));
	return w;
}

NOINLINE static struct words *another(void)
{
	struct words *w = malloc(sizeof *w);
	HIDE(w);
	PICK((void)0, memset(w, 1, sizeof *w));
	return w;
}

NOINLINE static void move(struct words *to, struct words *from)
{
	*to = *from; /* vectors */
}

NOINLINE static void move_words(struct words *to, struct words *from)
{
	for (int i = 0; i < WORDS; i++) {
		long x = from->a[i];
		HIDE(x);
		to->a[i] = x;
	}
	int y = from->tail;
	HIDE(y);
	to->tail = y;
	char z = from->last;
	HIDE(z);
	to->last = z;
}

NOINLINE static void from_frame(struct words *to)
{
	struct words local, *p = &local;
	PICK((void)0, memset(p, 1, sizeof *p));
	HIDE(p);
	move(to, p);
	SEEN();
}

NOINLINE static void pass(struct words *to, struct words *from)
{
	struct words here, *p = &here;
	HIDE(p);
	move_words(p, from);
	memcpy(to, p, sizeof *to);
}

NOINLINE static void from_parameter(struct words *to)
{
	struct words local, *p = &local;
	PICK((void)0, memset(p, 1, sizeof *p));
	HIDE(p);
	pass(to, p);
	SEEN();
}

NOINLINE static void fill(int from, struct words *to)
{
	switch (from & 3) {
	case 0: move(to, kept[0]); break;
	case 1: move_words(to, kept[1]); break;
	case 2: from_frame(to); break;
	default: from_parameter(to);
	}
	SEEN(); /* no call is a jump */
}

int main(void)
{
	kept[0] = block();
	kept[1] = another();
	for (int i = 0; i < ROUNDS; i++) {
		fill(i, &hand);
		pass(&store, &hand);
	}
	fill(FROM, &hand);
	pass(&store, &hand);
	struct words *p = &store;
	HIDE(p);
	if (p->a[5] == 3)
		STEP();
	if (p->tail == 4)
		STEP();
	return 0;
}
