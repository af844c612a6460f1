// An alternate stack for signals near the stack that was left: in a local array, and in a block. What lies between them stays as it was.
// only: twin
#include "../corpus.h"
#include <signal.h>

static void handler(int n)
{
	volatile int local[40];
	for (int i = 0; i < 40; i++)
		local[i] = i;
}

NOINLINE static int interrupted(void *stack, size_t size)
{
	volatile int own[200];
	stack_t s = {.ss_sp = stack, .ss_size = size};
	for (int i = 0; i < 200; i++)
		own[i] = i;
	sigaltstack(&s, NULL);
	raise(SIGUSR1);
	int wrong = 0;
	for (int i = 0; i < 200; i++)
		if (own[i] != i)
			wrong++;
	s.ss_flags = SS_DISABLE;
	sigaltstack(&s, NULL);
	return wrong;
}

int main(void)
{
	char room[16384], *block = malloc(sizeof room);
	struct sigaction a = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
	sigaction(SIGUSR1, &a, NULL);
	printf("%d %d\n", interrupted(room, sizeof room), interrupted(block, sizeof room));
	free(block);
	return 0;
}
