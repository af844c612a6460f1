// An address where nothing is, and one that is not canonical.
// case: nowhere -DADDRESS=0x123450000
// case: noncanonical -DADDRESS=0x4141414141414141
#include "../corpus.h"

int main(void)
{
	long value = 1, *p = PICK((long *)ADDRESS, &value);
	HIDE(p);
	USE(*p);
	return 0;
}
