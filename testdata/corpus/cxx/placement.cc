// An object placed in memory that is too small for it.
#include "../corpus.h"
#include <new>

struct thing {
	long a, b, c;
	NOINLINE thing() : a(1), b(2), c(3) {}
};

int main()
{
	void *room = operator new(PICK(16, sizeof(thing)));
	thing *t = new (room) thing;
	HIDE(t);
	operator delete(room);
	return 0;
}
