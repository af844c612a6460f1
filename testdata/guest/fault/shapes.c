// Allocation functions beside malloc: calloc, memalign, posix_memalign, aligned_alloc, strdup, asprintf, reallocarray.
// build: gcc -g -O0
// build: gcc -g -O1
#define _GNU_SOURCE
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef CLEAN
#define OFF 1
#else
#define OFF 0
#endif

static __attribute__((noinline)) void poke(volatile char *p, size_t n) { p[n - OFF] = 1; }

int main(void) {
	char *a = calloc(7, 3), *b = memalign(64, 50), *c = NULL, *d = aligned_alloc(256, 256), *e = reallocarray(malloc(1), 5, 9);
	if (posix_memalign((void **)&c, 4096, 100) != 0)
		return 1;
	poke(a, 21);
	poke(b, 50);
	poke(c, 100);
	poke(d, 256);
	poke(e, 45);
	char *zero = malloc(0);
#ifndef CLEAN
	poke(zero, 0);
#endif
	int aligned = (size_t)b % 64 == 0 && (size_t)c % 4096 == 0 && (size_t)d % 256 == 0 && malloc_usable_size(b) >= 50;
	free(a);
	free(b);
	free(c);
	free(d);
	free(e);
	free(zero);
	return !aligned;
}
