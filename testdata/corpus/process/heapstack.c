// A coroutine on a stack from the heap that nobody told the tool about. Blocks below it are no stack.
// once: Valgrind takes a change between the stacks of threads for one of a frame
#include "../corpus.h"
#include <ucontext.h>

static __thread ucontext_t home, other;
static __thread int *low;

static void run(void)
{
	for (int k = 0; k < 3; k++) {
		memset(low, k, 8 * sizeof *low);
		low[PICK(16, 15)] = k;
		swapcontext(&other, &home);
	}
}

int main(void)
{
	low = malloc(16 * sizeof *low);
	char *stack = malloc(1 << 16);
	getcontext(&other);
	other.uc_stack.ss_sp = stack;
	other.uc_stack.ss_size = 1 << 16;
	other.uc_link = &home;
	makecontext(&other, run, 0);
	for (int k = 0; k < 3; k++)
		swapcontext(&home, &other);
	free(stack);
	free(low);
	return 0;
}
