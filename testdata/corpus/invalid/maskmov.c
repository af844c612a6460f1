// A masked move whose enabled lane lies behind the block; in the twin only disabled lanes do.
// case: load -DFROM
// case: store
// needs: avx2
#include "../corpus.h"

int main(void)
{
	int *p = calloc(5, sizeof(int));
	int mask[8] = {-1, -1, -1, -1, -1, PICK(-1, 0), 0, 0};
	HIDE(p);
#ifdef FROM
	char to[32];
	__asm__ volatile("vmovdqu %2, %%ymm1\n\tvpmaskmovd %1, %%ymm1, %%ymm2\n\tvmovdqu %%ymm2, %0\n\tvzeroupper" : "=m"(to) : "m"(*p), "m"(mask) : "xmm1", "xmm2", "memory");
#else
	__asm__ volatile("vmovdqu %1, %%ymm1\n\tvpxor %%xmm2, %%xmm2, %%xmm2\n\tvpmaskmovd %%ymm2, %%ymm1, %0\n\tvzeroupper" : : "m"(*p), "m"(mask) : "xmm1", "xmm2", "memory");
#endif
	free(p);
	return 0;
}
