// Booleans in one byte, negated and combined.
// only: twin
#include "../corpus.h"
#include <stdbool.h>

struct state { bool on, off; };

NOINLINE bool toggle(struct state *s)
{
	s->on = !s->on;
	s->off = !s->on;
	return s->on | s->off;
}

int main(void)
{
	struct state *s = malloc(sizeof *s);
	s->on = true;
	HIDE(s);
	if (!toggle(s) || s->on)
		return 1;
	free(s);
	return 0;
}
