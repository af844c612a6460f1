// A handler frees what main frees too.
#include "../corpus.h"
#include <signal.h>

static __thread void *volatile shared;

static void handler(int n)
{
	free(shared);
	PICK((void)0, shared = NULL);
}

int main(void)
{
	shared = malloc(20);
	signal(SIGALRM, handler);
	raise(SIGALRM);
	free(shared);
	return 0;
}
