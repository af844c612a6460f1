// The same for vectors.
// case: pxor -DOP=pxor
// case: xorps -DOP=xorps
// case: pcmpeq -DOP=pcmpeqd
// only: twin
#include "../corpus.h"
#include "../asm.h"

int main(void)
{
	int *p = malloc(16), out[4];
	HIDE(p);
	__asm__ volatile("movups %1, %%xmm0\n\t" TEXT(OP) " %%xmm0, %%xmm0\n\tmovups %%xmm0, %0" : "=m"(out) : "m"(*(int(*)[4])p) : "xmm0");
	if (out[1] != 0 && out[1] != -1)
		return 1;
	free(p);
	return 0;
}
