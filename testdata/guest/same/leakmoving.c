// Leak checks while another thread moves the only pointers to blocks from place to place: each is at one of them, or in a register.
// build: gcc -g -O1 -pthread
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/memcheck.h>

#define BLOCKS 64
#define PLACES 64

static void *volatile place[BLOCKS][PLACES];
static atomic_int stop, moves;

static void *mover(void *unused) {
	for (unsigned b = 0, from = 0; !stop; moves++) {
		unsigned to = (from + 1) % PLACES;
		void *p = place[b][from];
		place[b][from] = 0;
		for (int i = 0; i < 100; i++)
			__asm__ volatile("" : "+r"(p));
		place[b][to] = p;
		if (++b == BLOCKS) {
			b = 0;
			from = to;
		}
	}
	return unused;
}

int main(void) {
	pthread_t t;
	for (int b = 0; b < BLOCKS; b++)
		place[b][0] = malloc(100);
	pthread_create(&t, 0, mover, 0);
	while (moves < 1000)
		;
	int lost = 0;
	for (int i = 0; i < 200; i++) {
		unsigned long leaked = 0, dubious = 0, reachable = 0, suppressed = 0;
		VALGRIND_DO_QUICK_LEAK_CHECK;
		VALGRIND_COUNT_LEAK_BLOCKS(leaked, dubious, reachable, suppressed);
		lost += leaked; // the thread's own block is possibly lost
	}
	stop = 1;
	pthread_join(t, 0);
	printf("lost: %d\n", lost);
	return 0;
}
