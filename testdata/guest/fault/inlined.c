// A fault in code that is inlined twice deep, and one reached through a function pointer in another frame.
// build: gcc -g -O2
// build: gcc -g -O2 -gdwarf-4
#include <stdlib.h>

#ifdef CLEAN
#define OFF 1
#else
#define OFF 0
#endif

static inline __attribute__((always_inline)) void innermost(volatile int *p, long i) {
	p[i] = 5;
}

static inline __attribute__((always_inline)) void middle(volatile int *p, long n) {
	innermost(p, n - OFF);
}

__attribute__((noinline)) void outer(volatile int *p, long n) {
	middle(p, n);
	__asm__ volatile("" : : : "memory");
}

static void (*volatile call)(volatile int *, long) = outer;

int main(void) {
	volatile int *p = calloc(4, sizeof *p);
	call(p, 4);
	free((void *)p);
	return 0;
}
