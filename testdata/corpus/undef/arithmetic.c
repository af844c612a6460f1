// What is computed with an undefined number is undefined: a jump on it is what is reported.
// case: add -DWHAT=x+5
// case: multiply -DWHAT=x*3
// case: divide -DWHAT=100/(x|1)
// case: remainder -DWHAT=x%10
// case: shift -DWHAT=(8<<(x&7)) -DIS=64
// case: not -DWHAT=~x
// case: negate -DWHAT=-x
// case: widen -DWHAT=(long)x
// case: narrow -DWHAT=(char)x
// case: swap -DWHAT=__builtin_bswap32(x)
// case: popcount -DWHAT=__builtin_popcount(x) -DIS=5
// case: leading -DWHAT=__builtin_clz(x|1) -DIS=5
// case: trailing -DWHAT=__builtin_ctz(x|0x10000) -DIS=5
// case: rotate -DWHAT=((unsigned)x<<7|(unsigned)x>>25)
// case: todouble -DWHAT=(int)(x*0.5)
// case: xor -DWHAT=x^0x55aa
#include "../corpus.h"

#ifndef IS
#define IS 12345
#endif

int main(void)
{
	int *p = FRESH(int, 2);
	HIDE(p);
	int x = p[1];
	HIDE(x);
	long y = WHAT;
	HIDE(y);
	if (y == IS)
		STEP();
	free(p);
	return 0;
}
