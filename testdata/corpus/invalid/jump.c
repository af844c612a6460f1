// Jumps to where no code is.
// case: null -DADDRESS=0
// case: low -DADDRESS=0x1234
// case: nowhere -DADDRESS=0x765432000
// levels: -O2
#include "../corpus.h"

NOINLINE void here(void) { SEEN(); }

int main(void)
{
	void (*f)(void) = PICK((void (*)(void))ADDRESS, here);
	HIDE(f);
	f();
	return 0;
}
