// Threads that switch reports off: for themselves only, and not for those that come after them.
// build: gcc -O1 -g -pthread
#include <pthread.h>
#include <stdlib.h>
#include <valgrind/valgrind.h>

static void *off(void *p)
{
	VALGRIND_DISABLE_ERROR_REPORTING;
	((volatile char *)p)[10] = 1;
	return 0;
}

static void *on(void *p)
{
	((volatile char *)p)[11] = 1;
	return 0;
}

int main(void)
{
	char *p = malloc(10);
	pthread_t t;
	pthread_create(&t, 0, off, p);
	pthread_join(t, 0);
	pthread_create(&t, 0, on, p);
	pthread_join(t, 0);
	VALGRIND_DISABLE_ERROR_REPORTING;
	VALGRIND_DISABLE_ERROR_REPORTING;
	VALGRIND_ENABLE_ERROR_REPORTING;
	((volatile char *)p)[12] = 1;
	free(p);
	return 0;
}
