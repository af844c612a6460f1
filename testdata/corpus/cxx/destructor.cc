// A base class without virtual destructor: a member of the derived class is lost.
#include "../corpus.h"

struct base {
	PICK(, virtual) ~base() { SEEN(); }
	long x = 1;
};
struct derived : base {
	int *own = new int[10];
	NOINLINE ~derived() { delete[] own; }
};

NOINLINE void work()
{
	base *p = new derived;
	HIDE(p);
	delete p;
	p = nullptr;
	HIDE(p);
}

NOINLINE void wipe()
{
	volatile long room[200];
	for (int i = 0; i < 200; i++)
		room[i] = 0;
}

int main()
{
	work();
	wipe();
	return 0;
}
