// One thread frees, another one uses.
// flags: -pthread
#include "../corpus.h"
#include <pthread.h>

static void *drop(void *p)
{
	PICK(free(p), (void)0);
	return NULL;
}

static void *use(void *p)
{
	((char *)p)[3] = 1;
	return NULL;
}

int main(void)
{
	char *p = calloc(1, 16);
	pthread_t t;
	pthread_create(&t, NULL, drop, p);
	pthread_join(t, NULL);
	pthread_create(&t, NULL, use, p);
	pthread_join(t, NULL);
	PICK((void)0, free(p));
	return 0;
}
