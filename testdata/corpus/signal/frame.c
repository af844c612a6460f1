// What a handler had on its stack, read after it has returned.
// library: how large the frame of a signal is depends on the processor
#include "../corpus.h"
#include <signal.h>

static long *kept, own[4];

static void handler(int n)
{
	long big[700], *p = big;
	HIDE(p);
	for (int i = 0; i < 700; i++)
		p[i] = i;
	kept = PICK(p + 50, own);
}

int main(void)
{
	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	long *p = kept;
	HIDE(p);
	USE(p[1]);
	return 0;
}
