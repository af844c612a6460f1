// A thread that is never joined: what its stack needed is possibly lost. That of one that was joined is not, although the C library
// keeps the stack.
// case: dynamic
// case: static -static
// flags: -pthread
#include "../corpus.h"
#include <pthread.h>

static void *run(void *unused) { return NULL; }

int main(void)
{
	pthread_t t;
	pthread_create(&t, NULL, run, NULL);
	PICK((void)0, pthread_join(t, NULL));
	usleep(20000);
	return 0;
}
