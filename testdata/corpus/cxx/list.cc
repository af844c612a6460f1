// Erasing in a loop: the iterator goes with its node.
#include "../corpus.h"
#include <list>

NOINLINE void erase(std::list<int> &l)
{
	for (auto i = l.begin(); i != l.end();) {
		if (*i == 2) {
#ifdef TWIN
			i = l.erase(i);
			continue;
#else
			l.erase(i);
#endif
		}
		++i;
	}
}

int main()
{
	std::list<int> l{1, 2, 3};
	erase(l);
	return 0;
}
