// A stack slot that an earlier function has written is undefined again in the next function's frame.
// levels: -O0 -O1
#include "../corpus.h"

NOINLINE void first(void)
{
	volatile int room[64];
	for (int i = 0; i < 64; i++)
		room[i] = i;
}

NOINLINE void second(void)
{
	volatile int room[64];
	PICK((void)0, room[20] = 0);
	if (room[20] == 3)
		STEP();
}

int main(void)
{
	first();
	second();
	return 0;
}
