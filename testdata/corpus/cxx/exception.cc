// An exception leaves a function before it has given back what it took.
#include "../corpus.h"
#include <memory>

NOINLINE void mayfail(int n)
{
	if (n > 2)
		throw n;
}

NOINLINE void work(int n)
{
#ifdef TWIN
	auto p = std::make_unique<int[]>(20);
	int *q = p.get();
	HIDE(q);
	mayfail(n);
#else
	int *p = new int[20];
	HIDE(p);
	mayfail(n);
	delete[] p;
#endif
}

int main()
{
	int caught = 0;
	for (int i = 0; i < 5; i++) {
		try {
			work(i);
		} catch (int) {
			caught++;
		}
	}
	return caught - 2;
}
