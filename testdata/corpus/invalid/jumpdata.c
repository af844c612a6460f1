// A jump to memory that may not be executed.
// levels: -O2
#include "../corpus.h"

char data[64] = {(char)0xc3};

NOINLINE void here(void) { SEEN(); }

int main(void)
{
	void (*f)(void) = PICK((void (*)(void))data, here);
	HIDE(f);
	f();
	return 0;
}
