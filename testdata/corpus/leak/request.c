// Searches for leaks that the program asks for: the first in full, then what is new, then what changed.
// case: full -DMODE=0
// case: added -DMODE=1
// case: changed -DMODE=2
// once: the state of the whole heap is looked at
#include "../corpus.h"

void *kept[10];

NOINLINE void get(int n)
{
	for (int i = 0; i < n; i++)
		if (kept[i] == NULL)
			kept[i] = malloc(10 + i);
	SEEN();
}

NOINLINE void drop(int n)
{
	for (int i = 0; i < n; i++) {
		PICK((void)0, free(kept[i]));
		kept[i] = NULL;
	}
	SEEN();
}

NOINLINE void wipe(void)
{
	volatile long room[200];
	for (int i = 0; i < 200; i++)
		room[i] = 0;
}

int main(void)
{
	get(4);
	drop(2);
	wipe();
	PICK(LEAK_CHECK(0, 0), 0);
	get(4 + 4);
	drop(4);
	wipe();
	PICK(LEAK_CHECK(0, MODE), 0);
	return 0;
}
