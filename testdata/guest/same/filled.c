// Threads fill large blocks by single stores, and store undefined bytes to what they have filled, while a tool may look for memory that
// is defined as a whole: each byte must stay what it is.
// build: gcc -g -O1 -pthread
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <valgrind/memcheck.h>

#define THREADS 3
#define SIZE (3 << 20)
#define STEP (64 << 10)
#define EVERY 24571 // a prime: about two in each STEP

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void *fill(void *arg) {
	volatile unsigned char *block = malloc(SIZE), *undefined = malloc(1);
	double begun = now();
	long wrong = 0;
	for (size_t at = 0; at < SIZE; at += STEP) {
		for (size_t i = at; i < at + STEP; i++)
			block[i] = i;
		// Every second piece stays as it is; some of the others are changed at once, some when they may have been looked at.
		if (at / STEP % 4 == 1)
			for (size_t i = at - at % EVERY; i < at + STEP; i += EVERY)
				if (i >= at)
					block[i] = *undefined;
		while (now() - begun < 0.3 * at / SIZE)
			;
		if (at / STEP % 4 == 3)
			for (size_t i = at - 2 * STEP - (at - 2 * STEP) % EVERY; i < at - STEP; i += EVERY)
				if (i >= at - 2 * STEP)
					block[i] = *undefined;
	}
	static _Thread_local unsigned char bits[STEP];
	for (size_t at = 0; at < SIZE; at += STEP) {
		if (VALGRIND_GET_VBITS(block + at, bits, STEP) != 1)
			continue; // no tool that knows
		for (size_t i = at; i < at + STEP; i++)
			wrong += bits[i - at] != (at / STEP % 4 == 1 && i % EVERY == 0 ? 0xff : 0);
	}
	free((void *)undefined);
	free((void *)block);
	*(long *)arg = wrong;
	return 0;
}

int main(void) {
	pthread_t t[THREADS];
	long wrong[THREADS], sum = 0;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], 0, fill, &wrong[i]);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], 0);
		sum += wrong[i];
	}
	printf("wrong: %ld\n", sum);
	return 0;
}
