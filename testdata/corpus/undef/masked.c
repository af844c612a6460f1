// Masks: the undefined part is what is looked at. In the twin, it is what is masked away.
// case: and -DWHAT=x&MASK -DIS=0x3000
// case: or -DWHAT=x|~MASK -DIS=0xffff30ff
// case: shift -DWHAT=x>>SHIFT -DIS=0x330
// case: byte -DWHAT=(uint8_t)(x>>SHIFT) -DIS=0x30
#include "../corpus.h"

#define MASK PICK(0xff00, 0xff)
#define SHIFT PICK(8, 16)

int main(void)
{
	unsigned char *p = malloc(8);
	p[0] = 17;
	p[2] = 3;
	p[3] = 0;
	HIDE(p);
	unsigned x = *(unsigned *)p;
	HIDE(x);
	unsigned y = WHAT;
	HIDE(y);
	if (y == IS)
		STEP();
	free(p);
	return 0;
}
