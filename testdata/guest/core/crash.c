// Dies in a function called by others, beside threads that wait and run; with an argument it ends by that signal.
// build: gcc -g -O0 -pthread
// build: gcc -g -O0 -static -pthread
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static volatile double one = 1;
static volatile int waiting, running;
static char table[1 << 20];
static char *heap;

static void *waits(void *p) {
	waiting = 1;
	for (;;) pause();
	return p;
}

static void *runs(void *p) {
	running = 1;
	for (;;) one *= 1;
	return p;
}

static void crash(int n, int sig) {
	if (n < 3) {
		crash(n + 1, sig);
	} else if (sig) {
		raise(sig);
	} else {
		*(volatile int *)16 = n;
	}
	one = n; // no tail call
}

int main(int argc, char **argv) {
	pthread_t t;
	pthread_create(&t, NULL, waits, NULL);
	pthread_create(&t, NULL, runs, NULL);
	while (!waiting || !running) usleep(1000);
	usleep(20000); // so that it is in pause
	table[5] = 7;
	heap = malloc(100);
	heap[99] = 77;
	crash(1, argc > 1 ? atoi(argv[1]) : 0);
	return 0;
}
