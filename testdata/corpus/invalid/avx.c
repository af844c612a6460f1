// 32-byte moves that touch what is behind a block.
// case: load -DFROM
// case: store
// case: load-part -DFROM -DPART
// case: store-part -DPART
// needs: avx
#include "../corpus.h"

int main(void)
{
#ifdef PART
	char *p = (char *)calloc(1, PICK(40, 71)) + 3; // aligned loads may be partly outside
#else
	char *p = calloc(1, PICK(32, 64));
#endif
	HIDE(p);
#ifdef FROM
	char to[32];
	__asm__ volatile("vmovups %1, %%ymm1\n\tvmovups %%ymm1, %0\n\tvzeroupper" : "=m"(to) : "m"(p[32]) : "xmm1", "memory");
#else
	__asm__ volatile("vmovups %%ymm1, %0\n\tvzeroupper" : : "m"(p[32]) : "xmm1", "memory");
#endif
#ifdef PART
	p -= 3;
#endif
	free(p);
	return 0;
}
