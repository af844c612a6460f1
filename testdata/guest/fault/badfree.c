// Frees that are wrong: twice, inside a block, of the stack, of static data.
// build: gcc -g -O0
// build: gcc -g -O2
// build: gcc -g -O1 -static
#include <stdlib.h>

static char data[100];

static __attribute__((noinline)) void twice(void) {
	volatile char *p = malloc(24);
	p[0] = 1;
	free((void *)p);
#ifndef CLEAN
	free((void *)p);
#endif
}

static __attribute__((noinline)) void inside(void) {
	char *volatile p = malloc(40);
#ifndef CLEAN
	free(p + 8);
#endif
	free(p);
}

static __attribute__((noinline)) void wild(char *volatile p) {
#ifndef CLEAN
	free(p);
#endif
}

int main(void) {
	char local[200];
	twice();
	inside();
	wild(local + 16);
	wild(data);
	wild((char *)0x1234560);
	void *volatile p = realloc(malloc(10), 20);
	free(p);
	return 0;
}
