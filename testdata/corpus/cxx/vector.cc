// Elements of a vector after it has grown, and behind its end.
// case: grown -DGROWN
// case: behind -DBEHIND
// case: iterator -DITERATOR
#include "../corpus.h"
#include <vector>

int main()
{
	std::vector<long> v(4, 1);
	HIDE(v[0]);
#ifdef GROWN
	long *p = &v[1];
	for (int i = 0; i < 100; i++)
		v.push_back(i);
	PICK((void)0, p = &v[1]);
	HIDE(p);
	USE(*p);
#elif defined BEHIND
	size_t i = PICK(4, 3);
	HIDE(i);
	USE(v[i]);
#else
	auto it = v.begin();
	v.resize(500);
	PICK((void)0, it = v.begin());
	*it = 3;
	long *p = v.data();
	HIDE(p);
#endif
	return 0;
}
