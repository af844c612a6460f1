// A virtual call on an object that was deleted.
#include "../corpus.h"

struct base {
	virtual ~base() {}
	virtual long f() { return 1; }
	long x = 3;
};
struct derived : base {
	NOINLINE long f() override { return x; }
};

NOINLINE base *make() { return new derived; }

int main()
{
	base *p = make();
	HIDE(p);
	PICK(delete p, (void)0);
	USE(p->x);
	PICK((void)0, delete p);
	return 0;
}
