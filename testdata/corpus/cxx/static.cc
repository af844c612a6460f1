// A global object uses another one that is destroyed before it.
// flags: -fno-lifetime-dse
#include "../corpus.h"

struct log {
	int *lines = new int[4]();
	NOINLINE ~log() { delete[] lines; lines = PICK(lines, nullptr); }
};
struct user {
	log *l;
	user(log *p) : l(p) {}
	NOINLINE ~user() { if (l->lines) USE(l->lines[1]); }
};

user *first;

int main()
{
	static user u(nullptr);
	static log l;
	u.l = &l;
	return 0;
}
