// The same within the first 128 bytes below the caller's stack pointer, which are the red zone while no function is called.
// levels: -O0
#include "../corpus.h"

NOINLINE void first(void)
{
	volatile int x = 1;
	SEEN();
}

NOINLINE void second(void)
{
	volatile int x;
	PICK((void)0, x = 0);
	if (x == 3)
		STEP();
}

int main(void)
{
	first();
	second();
	return 0;
}
