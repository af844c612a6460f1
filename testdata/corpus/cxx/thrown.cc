// A pointer is thrown, and what it points to is a local variable of a frame that is gone.
#include "../corpus.h"

NOINLINE void work()
{
	struct info { long a[800]; } local = {{7}}, *p = &local;
	static info kept;
	HIDE(p);
	PICK((void)0, p = &kept);
	throw (long *)p;
}

int main()
{
	try {
		work();
	} catch (long *p) {
		p += 100;
		HIDE(p);
		*p = 1;
	}
	return 0;
}
