// A deque's element after it was popped and its chunk is gone.
#include "../corpus.h"
#include <deque>

int main()
{
	std::deque<long> d(1000, 1);
	long *p = &d[PICK(0, 999)];
	for (int i = 0; i < 800; i++)
		d.pop_front();
	HIDE(p);
	USE(*p);
	return 0;
}
