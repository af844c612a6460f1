// An undefined value rests in a register while other functions run: in a saved one, or in one that they are known to leave alone.
// case: saved -O2 -fno-ipa-ra
// case: known -O2 -fipa-ra
#include "../corpus.h"

NOINLINE int other(int n)
{
	int a = n, b = n + 1, c = n + 2;
	HIDE(a);
	HIDE(b);
	HIDE(c);
	__asm__ volatile("" : : : "rbx", "r12", "r13", "r14", "r15");
	return a + b + c;
}

int main(void)
{
	int *p = FRESH(int, 2);
	HIDE(p);
	int x = p[1];
	HIDE(x);
	USE(other(1));
	USE(other(2));
	if (x == 3)
		STEP();
	free(p);
	return 0;
}
