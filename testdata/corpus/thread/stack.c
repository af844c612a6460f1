// A pointer to a variable on the stack of a thread that has ended; its stack is kept for the next one.
// flags: -pthread
#include "../corpus.h"
#include <pthread.h>

static void *run(void *p)
{
	volatile int *q = p;
	q[PICK(20, 1)] = 1;
	return NULL;
}

int main(void)
{
	int *p = calloc(20, sizeof(int));
	pthread_t t[3];
	for (int i = 0; i < 3; i++) {
		pthread_create(&t[i], NULL, run, p);
		pthread_join(t[i], NULL);
	}
	free(p);
	return 0;
}
