// A local variable on a stack that is a block of the heap: its origin is the function, not malloc.
// options: --track-origins=yes
// frames: 1
// once: Valgrind takes a change between the stacks of threads for one of a frame
#include "../corpus.h"
#include <ucontext.h>

static __thread ucontext_t outside, inside;

static void work(void)
{
	int open[4];
	int *p = open;
	PICK((void)0, p[2] = 1);
	HIDE(p);
	if (p[2] == 3)
		STEP();
	swapcontext(&inside, &outside);
}

int main(void)
{
	enum { SIZE = 1 << 16 };
	char *stack = malloc(SIZE);
	getcontext(&inside);
	inside.uc_stack.ss_sp = stack;
	inside.uc_stack.ss_size = SIZE;
	makecontext(&inside, work, 0);
	swapcontext(&outside, &inside);
	free(stack);
	return 0;
}
