// A fault in a destructor that runs while an exception passes.
#include "../corpus.h"
#include <stdexcept>

struct guard {
	int *p;
	NOINLINE ~guard() { USE(p[PICK(4, 3)]); delete[] p; }
};

NOINLINE void work()
{
	guard g{new int[4]()};
	HIDE(g.p);
	throw std::runtime_error("failed");
}

int main()
{
	try {
		work();
	} catch (const std::exception &e) {
		return e.what()[0] != 'f';
	}
	return 1;
}
