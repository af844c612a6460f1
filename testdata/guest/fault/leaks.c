// Blocks of the four leak kinds, each from a function of its own.
// build: gcc -g -O0
// build: gcc -g -O2
// build: gcc -g -O1 -static
#include <stdlib.h>
#include <string.h>

struct list {
	struct list *next;
	char pad[56];
};

void *kept;
char *interior;

// opaque keeps compilers from removing an allocation whose result is not used.
#define opaque(p) __asm__ volatile("" : "+r"(p) : : "memory")

static __attribute__((noinline)) void definite(void) {
	char *p = malloc(100);
	opaque(p);
}

static __attribute__((noinline)) void indirect(void) {
	struct list *head = NULL;
	for (int i = 0; i < 3; i++) {
		struct list *l = calloc(1, sizeof *l);
		l->next = head;
		head = l;
	}
	opaque(head);
}

static __attribute__((noinline)) void possible(void) {
	char *p = calloc(1, 200);
	opaque(p);
	interior = p + 50;
}

static __attribute__((noinline)) void reachable(void) {
	void **p = malloc(300);
	opaque(p);
	*p = malloc(17);
	kept = p;
	opaque(p);
}

static __attribute__((noinline)) void cycle(void) {
	struct list *a = calloc(1, sizeof *a), *b = calloc(1, sizeof *b);
	a->next = b;
	b->next = a;
	opaque(a);
}

// scrub overwrites what earlier calls left on the stack and in registers.
static __attribute__((noinline)) long scrub(void) {
	volatile char junk[8192];
	memset((char *)junk, 0, sizeof junk);
	__asm__ volatile("xor %%eax,%%eax; xor %%ecx,%%ecx; xor %%edx,%%edx; xor %%esi,%%esi; xor %%edi,%%edi; xor %%r8,%%r8;"
			 "xor %%r9,%%r9; xor %%r10,%%r10; xor %%r11,%%r11"
			 : : : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11");
	return junk[17];
}

int main(void) {
#ifndef CLEAN
	definite();
	scrub();
	indirect();
	scrub();
	possible();
	cycle();
	scrub();
#endif
	reachable();
#ifdef CLEAN
	free(*(void **)kept);
	free(kept);
#endif
	return (int)scrub();
}
