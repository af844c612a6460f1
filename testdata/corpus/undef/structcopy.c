// An assigned structure with a member that was never set.
// options: --track-origins=yes
#include "../corpus.h"

struct record { int id; long size; char name[12]; double weight; };

NOINLINE struct record make(int id)
{
	struct record r;
	r.id = id;
	strcpy(r.name, "name");
	r.weight = 1;
	PICK((void)0, r.size = 1);
	struct record *p = &r;
	HIDE(p);
	return *p;
}

int main(void)
{
	struct record r = make(3), s = r, *p = &s;
	HIDE(p);
	if (p->size > 3)
		STEP();
	return 0;
}
