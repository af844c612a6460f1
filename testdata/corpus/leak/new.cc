// Objects that are never deleted.
// case: single -DGET=(new(int)(3))
// case: array -DGET=(new(int[10]))
// case: nothrow -DGET=(new(std::nothrow)int)
// case: aligned -DGET=(new(wide))
// flags: -std=c++17
#include "../corpus.h"
#include <new>

struct alignas(64) wide { char c[64]; };

NOINLINE void work()
{
#ifndef TWIN
	auto *p = GET;
	HIDE(p);
	p = nullptr;
	HIDE(p);
#endif
}

int main()
{
	work();
	return 0;
}
