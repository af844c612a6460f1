// A division by zero.
#include "../corpus.h"

// In one line, as Valgrind does not know which instruction of a block it was.
NOINLINE static int divide(int x, int zero) { return x / zero; }

int main(void)
{
	int zero = PICK(0, 1), x = 7;
	HIDE(zero);
	HIDE(x);
	USE(divide(x, zero));
	return 0;
}
