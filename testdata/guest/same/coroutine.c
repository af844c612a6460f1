// Stack switches: ucontext coroutines with many stacks, and a switch written in assembly.
// build: gcc -O0
// build: gcc -O2
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#define N 20
static ucontext_t mainctx, ctx[N];
static long value[N], total;

static void worker(int id) {
	for (int i = 0; i < 50; i++) {
		volatile long local[32];
		local[i % 32] = id * i;
		value[id] += local[i % 32];
		swapcontext(&ctx[id], id + 1 < N ? &ctx[id + 1] : &mainctx);
	}
	total += value[id];
}

// switch_to(from, to): saves callee-saved registers on the old stack and takes them from the new one.
void switch_to(void **from, void *to);
__asm__("switch_to: push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"mov %rsp, (%rdi); mov %rsi, %rsp\n"
	"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n");

static void *mainsp, *othersp;
static long exchanged;
static void other(void) {
	for (;;) {
		exchanged = exchanged * 3 + 1;
		switch_to(&othersp, mainsp);
	}
}

int main(void) {
	for (int i = 0; i < N; i++) {
		getcontext(&ctx[i]);
		ctx[i].uc_stack.ss_sp = malloc(32768);
		ctx[i].uc_stack.ss_size = 32768;
		ctx[i].uc_link = &mainctx;
		makecontext(&ctx[i], (void (*)(void))worker, 1, i);
	}
	for (int round = 0; round < 50; round++)
		swapcontext(&mainctx, &ctx[0]);
	for (int i = 0; i < N; i++)
		swapcontext(&mainctx, &ctx[i]); // ends it
	printf("total %ld\n", total);

	uint64_t *stack = (uint64_t *)malloc(65536) + 8192 - 8;
	stack[0] = 0;
	*--stack = (uint64_t)other;
	stack -= 6;
	othersp = stack;
	for (int i = 0; i < 1000; i++)
		switch_to(&mainsp, othersp);
	printf("exchanged %ld\n", exchanged);
	return 0;
}
