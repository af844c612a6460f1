// A block that a thread-local variable keeps, of the thread that lives and of one that is gone.
// flags: -pthread
#include "../corpus.h"
#include <pthread.h>

static __thread void *mine;

static void *run(void *unused)
{
	mine = malloc(44);
	HIDE(mine);
	PICK((void)0, free(mine));
	return NULL;
}

int main(void)
{
	pthread_t t;
	mine = malloc(33);
	HIDE(mine);
	pthread_create(&t, NULL, run, NULL);
	pthread_join(t, NULL);
	return 0;
}
