// The origin of an undefined value from new.
// case: single -DGET=(new(pair))
// case: array -DGET=(new(pair[2]))
// options: --track-origins=yes
#include "../corpus.h"

struct pair { int a, b; };

int main()
{
	pair *p = GET;
	PICK((void)0, p->b = 1);
	HIDE(p);
	if (p->b == 3)
		STEP();
	static pair *keep;
	keep = p;
	HIDE(keep);
	return 0;
}
