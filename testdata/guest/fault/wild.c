// An access to an address where nothing is: reported, and fatal as natively.
// build: gcc -g -O0
// build: gcc -g -O2
#include <stdlib.h>

static __attribute__((noinline)) void store(volatile int *p) {
#ifndef CLEAN
	*p = 1;
#endif
}

static __attribute__((noinline)) void level(int n, volatile int *p) {
	if (n > 0)
		level(n - 1, p);
	else
		store(p);
	__asm__ volatile("" : : : "memory");
}

int main(void) {
	void *volatile block = malloc(5);
	free(block);
	level(3, (int *)0x4242);
	return 0;
}
