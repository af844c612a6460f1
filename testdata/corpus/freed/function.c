// A function pointer in a freed structure.
#include "../corpus.h"

struct ops { void (*run)(void); };

NOINLINE void run(void) { SEEN(); }

int main(void)
{
	struct ops *o = malloc(sizeof *o);
	o->run = run;
	HIDE(o);
	PICK(free(o), (void)0);
	o->run();
	PICK((void)0, free(o));
	return 0;
}
