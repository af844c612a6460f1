// A leaf function's variables below the stack pointer.
// only: twin
#include "../corpus.h"

NOINLINE int leaf(int n)
{
	volatile int a[8];
	for (int i = 0; i < 8; i++)
		a[i] = n + i;
	return a[3] + a[7];
}

int main(void)
{
	int sum = 0;
	for (int i = 0; i < 10; i++)
		sum += leaf(i);
	return sum != 190;
}
