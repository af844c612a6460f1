// Mismatches are not shown if they are not wanted; the double delete is.
// options: --show-mismatched-frees=no
#include "../corpus.h"

int main()
{
	char *p = new char[10], *q = new char;
	HIDE(p);
	HIDE(q);
	delete p;
	delete q;
	HIDE(q);
	PICK(delete q, (void)0);
	return 0;
}
