// A reference to an element of a map that was erased.
// case: map -DKIND=std::map
// case: unordered -DKIND=std::unordered_map
#include "../corpus.h"
#include <map>
#include <unordered_map>

int main()
{
	KIND<int, long> m;
	for (int i = 0; i < 10; i++)
		m[i] = i;
	long *p = &m[5];
	m.erase(PICK(5, 6));
	HIDE(p);
	USE(*p);
	return 0;
}
