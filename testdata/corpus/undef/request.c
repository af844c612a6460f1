// The origin of a value that a client request made undefined.
// options: --track-origins=yes
#include "../corpus.h"

int data[4] = {1, 2, 3, 4};

int main(void)
{
	int *p = data;
	PICK(MAKE_UNDEFINED(p + 2, 4), 0);
	HIDE(p);
	if (p[2] == 3)
		STEP();
	return 0;
}
