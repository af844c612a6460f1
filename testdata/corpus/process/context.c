// A fault on a stack of swapcontext's.
// case: heap -DHEAP
// case: undefined -DUNDEFINED
#include "../corpus.h"
#include <ucontext.h>

static __thread ucontext_t mine, other;
static __thread int *block;

static void run(void)
{
	volatile int local[4] = {1, 2, 3, 4};
	USE(local[2]);
#ifdef HEAP
	block[PICK(3, 2)] = 1;
#else
	if (block[1] == 3)
		STEP();
#endif
	swapcontext(&other, &mine);
}

int main(void)
{
	char *room = malloc(65536);
#ifdef HEAP
	block = calloc(3, sizeof(int));
#else
	block = FRESH(int, 3);
#endif
	long id = REQUEST(0, 0x1501, room, room + 65536, 0);
	getcontext(&other);
	other.uc_stack.ss_sp = room;
	other.uc_stack.ss_size = 65536;
	other.uc_link = &mine;
	makecontext(&other, run, 0);
	swapcontext(&mine, &other);
	REQUEST(0, 0x1502, id, 0, 0);
	free(room);
	free(block);
	return 0;
}
