// The same object deleted twice, by two owners.
#include "../corpus.h"

struct holder {
	int *p;
	holder(int *q) : p(q) {}
	NOINLINE ~holder() { delete p; }
};

int main()
{
	int *p = new int(1);
	HIDE(p);
	holder a(p), b(PICK(p, nullptr));
	return 0;
}
