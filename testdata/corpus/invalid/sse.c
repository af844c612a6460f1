// 16-byte moves that touch what is behind a block.
// case: load -DFROM
// case: store
// case: load-part -DFROM -DPART
// case: store-part -DPART
#include "../corpus.h"

int main(void)
{
#ifdef PART
	char *p = (char *)calloc(1, PICK(40, 63)) + 3; // aligned loads may be partly outside
#else
	char *p = calloc(1, PICK(32, 48));
#endif
	HIDE(p);
#ifdef FROM
	char to[16];
	__asm__ volatile("movups %1, %%xmm1\n\tmovups %%xmm1, %0" : "=m"(to) : "m"(p[32]) : "xmm1", "memory");
#else
	__asm__ volatile("movups %%xmm1, %0" : : "m"(p[32]) : "xmm1", "memory");
#endif
#ifdef PART
	p -= 3;
#endif
	free(p);
	return 0;
}
