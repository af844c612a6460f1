// Vectors with lanes that nobody looks at.
// only: twin
#include "../corpus.h"

int main(void)
{
	float *p = malloc(16), out[4];
	p[0] = 1;
	p[1] = 2;
	HIDE(p);
	__asm__ volatile("movups %1, %%xmm0\n\taddps %%xmm0, %%xmm0\n\tmulps %%xmm0, %%xmm0\n\tmovups %%xmm0, %0"
			 : "=m"(out) : "m"(*(float(*)[4])p) : "xmm0");
	if (out[1] != 16 || out[0] != 4)
		return 1;
	free(p);
	return 0;
}
