// An access below the stack pointer, beyond the red zone.
// case: read -DREAD
// case: write
#include "../corpus.h"

int main(void)
{
#ifdef READ
	int got;
	__asm__ volatile("movl %c1(%%rsp), %0" : "=r"(got) : "i"(PICK(-4000, 0)) : "memory");
	USE(got);
#else
	__asm__ volatile("movl $0, %c0(%%rsp)" : : "i"(PICK(-4000, -100)) : "memory");
#endif
	return 0;
}
