// Two coroutines on neighbouring stacks of the program's own, which it registers: what one has on its stack stays as it is while the
// other one runs, and memory below both stacks is no stack. The switch is by a register, as in libraries for coroutines.
#include "../corpus.h"

__asm__(".text\n"
	"change_stack:\n\t"
	".cfi_startproc\n\t"
	"push %rbp\n\tpush %rbx\n\tpush %r12\n\tpush %r13\n\tpush %r14\n\tpush %r15\n\t"
	"mov %rsp, (%rdi)\n\t"
	"mov %rsi, %rsp\n\t"
	"pop %r15\n\tpop %r14\n\tpop %r13\n\tpop %r12\n\tpop %rbx\n\tpop %rbp\n\t"
	"ret\n\t"
	".cfi_endproc\n");
void change_stack(void **save, void *to);

enum { SIZE = 16384 };
static __thread void *home, *first, *second;
static __thread int *low;

NOINLINE static void run(void **self, void **other, int rounds)
{
	volatile int local[20];
	for (int i = 0; i < 20; i++)
		local[i] = i;
	for (int k = 0; k < rounds; k++) {
		change_stack(self, *other);
		for (int i = 0; i < 20; i++)
			if (local[i] != i)
				STEP();
		low[k] = k;
	}
}

static void one(void)
{
	run(&first, &second, 3);
	change_stack(&first, home);
}

static void two(void)
{
	run(&second, &first, 10);
}

static void *fresh(char *stack, void (*start)(void))
{
	void **sp = (void **)(((uintptr_t)stack + SIZE) & ~(uintptr_t)15);
	*--sp = NULL;
	*--sp = (void *)start;
	for (int i = 0; i < 6; i++)
		*--sp = NULL;
	return sp;
}

int main(void)
{
	low = malloc(16 * sizeof *low);
	char *stacks = malloc(4 * SIZE);
	uint64_t a = REQUEST(0, 0x1501, stacks, stacks + SIZE - 1, 0);
	uint64_t b = REQUEST(0, 0x1501, stacks + 2 * SIZE, stacks + 2 * SIZE + 100, 0);
	REQUEST(0, 0x1503, b, stacks + 2 * SIZE, stacks + 3 * SIZE - 1);
	first = fresh(stacks, one);
	second = fresh(stacks + 2 * SIZE, two);
	change_stack(&home, first);
	if (low[PICK(9, 1)] == 1)
		STEP();
	REQUEST(0, 0x1502, a, 0, 0);
	REQUEST(0, 0x1502, b, 0, 0);
	free(stacks);
	free(low);
	return 0;
}
