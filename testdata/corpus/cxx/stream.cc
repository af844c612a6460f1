// What is read from a stream that has nothing: the variable stays as it was, undefined.
#include "../corpus.h"
#include <cstdlib>

struct source {
	const char *p;
	NOINLINE bool next(long *v)
	{
		if (*p == 0)
			return false;
		*v = strtol(p, (char **)&p, 10);
		return true;
	}
};

int main()
{
	source s{PICK("", "42")};
	HIDE(s.p);
	long v[2];
	s.next(v);
	SEEN();
	if (v[0] == 3)
		STEP();
	return 0;
}
