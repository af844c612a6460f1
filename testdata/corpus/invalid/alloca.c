// What alloca gave is gone when its function has returned.
#include "../corpus.h"
#include <alloca.h>

NOINLINE char *room(size_t n)
{
	char *p = alloca(n);
	HIDE(p);
	p[0] = 1;
	return p;
}

int main(void)
{
	char own[2] = {0}, *p = room(5000);
	HIDE(p);
	PICK((void)0, p = own);
	USE(*p);
	return 0;
}
