// A local variable that one path forgets to set.
// options: --track-origins=yes
#include "../corpus.h"

NOINLINE int choose(int how)
{
	volatile int x;
	if (how > 3)
		x = 1;
	if (x == 1) {
		STEP();
		return 1;
	}
	return 0;
}

int main(void)
{
	int how = PICK(3, 5);
	HIDE(how);
	USE(choose(how));
	return 0;
}
