// The upper half of a wide vector is undefined, and looked at.
// needs: avx2
#include "../corpus.h"

int main(void)
{
	int *p = malloc(32), out[8];
	memset(p, 0, PICK(28, 32));
	HIDE(p);
	__asm__ volatile("vmovdqu %1, %%ymm0\n\tvpaddd %%ymm0, %%ymm0, %%ymm1\n\tvmovdqu %%ymm1, %0\n\tvzeroupper"
			 : "=m"(out) : "m"(*(int(*)[8])p) : "xmm0", "xmm1");
	if (out[7] == 4)
		STEP();
	free(p);
	return 0;
}
