// A lambda that keeps a reference to a variable that is gone.
#include "../corpus.h"
#include <functional>

NOINLINE std::function<long()> make()
{
	long big[600] = {};
	long *p = big;
	static long kept[600];
	HIDE(p);
	PICK((void)0, p = kept);
	return [p] { return p[20]; };
}

int main()
{
	auto f = make();
	USE(f());
	return 0;
}
