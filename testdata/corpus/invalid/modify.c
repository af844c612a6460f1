// Read-modify-write instructions on the element after the last one.
// case: add -DOP=addl -DARGS=$1,%0
// case: inc -DOP=incl -DARGS=%0
// case: neg -DOP=negl -DARGS=%0
// case: shl -DOP=shll -DARGS=$3,%0
// case: xchg -DOP=xchgl -DARGS=%0,%%eax
// case: xadd -DOP=lock;xaddl -DARGS=%%eax,%0
// case: cmpxchg -DOP=lock;cmpxchgl -DARGS=%%ecx,%0
// case: bts -DOP=btsl -DARGS=$2,%0
#include "../corpus.h"
#include "../asm.h"

int main(void)
{
	int *p = calloc(3, sizeof(int));
	HIDE(p);
	__asm__ volatile("xorl %%eax, %%eax\n\txorl %%ecx, %%ecx\n\t" TEXT(OP) " " TEXT(ARGS) "\n\t" TEXT(OP2) " " TEXT(ARGS2) : "+m"(p[PICK(3, 2)]) : : "eax", "ecx", "cc");
	free(p);
	return 0;
}
