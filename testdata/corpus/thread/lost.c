// What threads lose: one record of several threads.
// flags: -pthread
#include "../corpus.h"
#include <pthread.h>

static void *run(void *unused)
{
	char *p = malloc(17);
	HIDE(p);
	PICK((void)0, free(p));
	return NULL;
}

int main(void)
{
	pthread_t t[4];
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, run, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	return 0;
}
