// The idiom of fast string functions: compare bytes, make a mask, jump.
// case: mask -DMASK
// case: count
#include "../corpus.h"

int main(void)
{
	char *p = malloc(16), zero[16] = {0};
	int mask;
	memset(p, 'x', PICK(15, 16));
	HIDE(p);
	__asm__ volatile("movups %1, %%xmm0\n\tmovups %2, %%xmm1\n\tpcmpeqb %%xmm1, %%xmm0\n\tpmovmskb %%xmm0, %0"
			 : "=r"(mask) : "m"(*(char(*)[16])p), "m"(zero) : "xmm0", "xmm1");
#ifdef MASK
	if (mask)
#else
	if (__builtin_popcount(mask) == 3)
#endif
		STEP();
	free(p);
	return 0;
}
