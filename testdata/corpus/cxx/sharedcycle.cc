// Two objects that own each other.
#include "../corpus.h"
#include <memory>

struct node {
	std::shared_ptr<node> other;
	long value = 1;
};

NOINLINE void work()
{
	auto a = std::make_shared<node>(), b = std::make_shared<node>();
	a->other = b;
	PICK(b->other = a, (void)0);
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
