// A gather one of whose elements lies behind the block.
// needs: avx2
#include "../corpus.h"

int main(void)
{
	int *p = calloc(4, sizeof(int));
	int index[4] = {0, 3, PICK(4, 2), 1}, to[4];
	HIDE(p);
	__asm__ volatile("vmovdqu %2, %%xmm1\n\tvpcmpeqd %%xmm2, %%xmm2, %%xmm2\n\tvpxor %%xmm3, %%xmm3, %%xmm3\n\t"
			 "vpgatherdd %%xmm2, (%1,%%xmm1,4), %%xmm3\n\tmovups %%xmm3, %0" : "=m"(to) : "r"(p), "m"(index) : "xmm1", "xmm2", "xmm3", "memory");
	free(p);
	return 0;
}
