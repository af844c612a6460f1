// A fault inside a signal handler.
// case: read -DREAD
// case: undefined -DUNDEFINED
#include "../corpus.h"
#include <signal.h>

static __thread int *block;

static void handler(int n)
{
#ifdef READ
	USE(block[PICK(4, 3)]);
#else
	if (block[1] == 3)
		STEP();
#endif
}

int main(void)
{
#ifdef READ
	block = calloc(4, sizeof(int));
#else
	block = FRESH(int, 4);
#endif
	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	free(block);
	return 0;
}
