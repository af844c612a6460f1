// main's thread ends first, and the last one makes the fault and loses a block.
// once: the first to end ends all
// flags: -pthread
// options: --leak-check=summary
#include "../corpus.h"
#include <pthread.h>

static void *run(void *first)
{
	pthread_join(*(pthread_t *)first, NULL);
	char *p = malloc(13); // not before, as main allocates for its end
	p[PICK(13, 12)] = 1;
	HIDE(p);
	PICK((void)0, free(p));
	p = NULL;
	HIDE(p);
	exit(0);
}

int main(void)
{
	static pthread_t t, self;
	self = pthread_self();
	pthread_create(&t, NULL, run, &self);
	pthread_exit(NULL);
}
