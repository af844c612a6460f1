// Accesses far below the stack pointer, to a frame that is gone.
// build: gcc -g -O0
// build: gcc -g -O1
#include <stdlib.h>

static __attribute__((noinline)) volatile char *frame(void) {
	volatile char local[6000];
	volatile char *volatile p = local;
	for (int i = 0; i < 6000; i++)
		p[i] = (char)i;
	return p;
}

static __attribute__((noinline)) int look(volatile char *p) {
#ifdef CLEAN
	return 0;
#else
	return p[100];
#endif
}

int main(void) {
	volatile char *p = frame();
	look(p);
	return 0;
}
