// A thread reads behind a block that another thread has allocated.
// flags: -pthread
#include "../corpus.h"
#include <pthread.h>

static void *run(void *p)
{
	USE(((int *)p)[PICK(5, 4)]);
	return NULL;
}

int main(void)
{
	int *p = calloc(5, sizeof(int));
	pthread_t t;
	pthread_create(&t, NULL, run, p);
	pthread_join(t, NULL);
	free(p);
	return 0;
}
