// An undefined value made by one thread and used by another.
// flags: -pthread
// options: --track-origins=yes
#include "../corpus.h"
#include <pthread.h>

static void *make(void *unused)
{
	int *p = FRESH(int, 4);
	return p;
}

int main(void)
{
	pthread_t t;
	void *p;
	pthread_create(&t, NULL, make, NULL);
	pthread_join(t, &p);
	if (((int *)p)[2] == 3)
		STEP();
	free(p);
	return 0;
}
