// Values of thread keys: with a destructor they are freed, without one they are lost.
// flags: -pthread
#include "../corpus.h"
#include <pthread.h>

static pthread_key_t key;

static void *run(void *unused)
{
	pthread_setspecific(key, malloc(21));
	return NULL;
}

int main(void)
{
	pthread_t t;
	pthread_key_create(&key, PICK(NULL, free));
	pthread_create(&t, NULL, run, NULL);
	pthread_join(t, NULL);
	return 0;
}
