// A fault in a handler on a stack of its own.
// frames: 1
#include "../corpus.h"
#include <signal.h>

static __thread char *room;
static __thread int *block;

static void handler(int n)
{
	volatile int local[10] = {0};
	USE(local[3]);
	block[PICK(-1, 0)] = 1;
}

int main(void)
{
	room = malloc(32768);
	block = calloc(2, 4);
	stack_t s = {.ss_sp = room, .ss_size = 32768};
	struct sigaction a = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
	sigaltstack(&s, NULL);
	sigaction(SIGUSR1, &a, NULL);
	raise(SIGUSR1);
	s.ss_flags = SS_DISABLE;
	sigaltstack(&s, NULL);
	free(block);
	free(room);
	return 0;
}
