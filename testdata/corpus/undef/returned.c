// A function that forgets to say what it returns.
#include "../corpus.h"

NOINLINE int find(int *p, int n, int what)
{
	volatile int at;
	for (int i = 0; i < n; i++)
		if (p[i] == what)
			at = i;
	return at;
}

int main(void)
{
	int list[4] = {1, 2, 3, 4};
	SEEN();
	if (find(list, 4, PICK(9, 3)) == 2)
		STEP();
	return 0;
}
