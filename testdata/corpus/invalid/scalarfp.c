// Scalar floating-point moves and arithmetic from and to behind a block.
// case: movss-load -DOP=movss -DARGS=%0,%%xmm1 -DOP2=movups -DARGS2=%%xmm1,%1
// case: movss-store -DOP=movss -DARGS=%%xmm1,%0
// case: movsd-load -DOP=movsd -DARGS=%0,%%xmm1 -DOP2=movups -DARGS2=%%xmm1,%1
// case: movsd-store -DOP=movsd -DARGS=%%xmm1,%0
// case: movhps-load -DOP=movhps -DARGS=%0,%%xmm1 -DOP2=movups -DARGS2=%%xmm1,%1
// case: addsd -DOP=addsd -DARGS=%0,%%xmm1 -DOP2=movups -DARGS2=%%xmm1,%1
// case: cvtsi2sd -DOP=cvtsi2sdq -DARGS=%0,%%xmm1 -DOP2=movups -DARGS2=%%xmm1,%1
// case: fld -DOP=fldl -DARGS=%0 -DOP2=fstpl -DARGS2=%1
// case: fld-long -DOP=fldt -DARGS=%0 -DOP2=fstpt -DARGS2=%1
// case: fstp-long -DOP=fldz -DOP2=fstpt -DARGS2=%0
// case: fild -DOP=fildl -DARGS=%0 -DOP2=fstpl -DARGS2=%1
#include "../corpus.h"
#include "../asm.h"

int main(void)
{
	char *p = calloc(1, PICK(32, 48));
	HIDE(p);
	char to[16];
	__asm__ volatile("xorps %%xmm1, %%xmm1\n\t" TEXT(OP) " " TEXT(ARGS) "\n\t" TEXT(OP2) " " TEXT(ARGS2) : : "m"(p[32]), "m"(to) : "xmm1", "memory");
	free(p);
	return 0;
}
