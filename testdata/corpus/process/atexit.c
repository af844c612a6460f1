// A function that atexit has registered uses what main has freed.
#include "../corpus.h"

static char *p;

static void last(void)
{
	p[1] = 1;
	PICK((void)0, free(p));
}

int main(void)
{
	p = calloc(1, 30);
	HIDE(p);
	atexit(last);
	PICK(free(p), (void)0);
	return 0;
}
