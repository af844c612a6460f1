// A division by zero.
// levels: -O0
#include "../corpus.h"

int main(void)
{
	int zero = PICK(0, 1), x = 7;
	HIDE(zero);
	HIDE(x);
	USE(x / zero);
	return 0;
}
