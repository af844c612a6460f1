// Vectors: one lane is undefined, and one is looked at after arithmetic, shuffles and comparisons.
// case: add -DOP=paddd
// case: and -DOP=pand
// case: xor -DOP=pxor
// case: equal -DOP=pcmpeqd
// case: unpack -DOP=punpckldq
// case: max -DOP=pmaxsw
#include "../corpus.h"
#include "../asm.h"

int main(void)
{
	int *p = malloc(16), ones[4] = {-1, -1, -1, -1}, out[4];
	for (int i = 0; i < 4; i++)
		if (i != PICK(0, 3))
			p[i] = i;
	HIDE(p);
	__asm__ volatile("movups %1, %%xmm0\n\tmovups %2, %%xmm1\n\t" TEXT(OP) " %%xmm1, %%xmm0\n\tmovups %%xmm0, %0"
			 : "=m"(out) : "m"(*(int(*)[4])p), "m"(ones) : "xmm0", "xmm1");
	if (out[0] == 3)
		STEP();
	free(p);
	return 0;
}
