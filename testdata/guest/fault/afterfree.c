// Use of freed blocks: read, write, and of the old pointer after realloc moved the block.
// build: gcc -g -O0
// build: gcc -g -O2
// build: gcc -g -O1 -static
#include <stdlib.h>

struct node {
	struct node *next;
	int value;
};

static __attribute__((noinline)) void release(void *p) { free(p); }

static __attribute__((noinline)) int sum(volatile struct node *n) { return n->value; }

static __attribute__((noinline)) void set(volatile struct node *n) { n->next = 0; }

int main(void) {
	struct node *n = calloc(1, sizeof *n);
	int s = 0;
#ifdef CLEAN
	s += sum(n);
	set(n);
	release(n);
#else
	release(n);
	s += sum(n);
	set(n);
#endif
	volatile char *p = calloc(1, 100), *q = realloc((void *)p, 100000);
	q[99999] = 1;
#ifdef CLEAN
	s += q[50];
#else
	s += p[50];
#endif
	free((void *)q);
	return s;
}
