// Recursion without end.
// frames: 1
// once: Valgrind takes the guard page of a thread's stack for a part of it
#include "../corpus.h"
#include <sys/resource.h>

NOINLINE long down(long n)
{
	volatile char room[1000];
	room[0] = (char)n;
	return n == PICK(0, 999990) ? 0 : down(n - 1) + room[0];
}

int main(void)
{
	return (int)down(1000000) & 0;
}
