// A class that owns memory and is copied member by member: freed twice, and used.
#include "../corpus.h"

struct buffer {
	char *p;
	buffer() : p(new char[30]()) {}
#ifdef TWIN
	buffer(const buffer &o) : p(new char[30]()) { memcpy(p, o.p, 30); }
#endif
	NOINLINE ~buffer() { delete[] p; }
};

NOINLINE void take(buffer b) { HIDE(b.p); }

int main()
{
	buffer b;
	take(b);
	HIDE(b.p);
	b.p[3] = 1;
	HIDE(b.p);
	return 0;
}
