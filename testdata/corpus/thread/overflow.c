// A local array of a thread, overrun into the guard page behind its stack.
// flags: -pthread
#include "../corpus.h"
#include <pthread.h>

static char *low;

static void *run(void *unused)
{
	pthread_attr_t a;
	void *start;
	size_t size;
	pthread_getattr_np(pthread_self(), &a);
	pthread_attr_getstack(&a, &start, &size);
	pthread_attr_destroy(&a);
	PICK(low = (char *)start - 16, low = (char *)&a);
	HIDE(low);
	*low = 1;
	return NULL;
}

int main(void)
{
	pthread_t t;
	pthread_create(&t, NULL, run, NULL);
	pthread_join(t, NULL);
	return 0;
}
