// A member that the constructor forgets.
// case: heap -DHEAP
// case: stack
// options: --track-origins=yes
#include "../corpus.h"

struct settings {
	int width, height;
	bool visible;
	NOINLINE settings() : width(3), height(4) { PICK((void)0, visible = true); }
};

NOINLINE void show(settings *s)
{
	if (s->visible)
		STEP();
}

int main()
{
#ifdef HEAP
	settings *s = new settings;
	show(s);
	delete s;
#else
	settings s;
	show(&s);
#endif
	return 0;
}
