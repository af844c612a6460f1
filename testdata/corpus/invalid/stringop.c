// String instructions that run over the end of a block.
// case: movsb -DOP=rep;movsb -DN=12
// case: movsl -DOP=rep;movsl -DN=3
// case: movsq -DOP=rep;movsq -DN=2
// case: stosb -DOP=rep;stosb -DN=10
// case: stosq -DOP=rep;stosq -DN=2
// case: scasb -DOP=repne;scasb -DN=9
// case: cmpsb -DOP=repe;cmpsb -DN=9
#include "../corpus.h"
#include "../asm.h"

int main(void)
{
	char *from = calloc(1, PICK(8, 16)), *to = calloc(1, PICK(8, 16));
	HIDE(from);
	HIDE(to);
	long n = N, a = 1;
	char *s = from, *d = to;
	__asm__ volatile(TEXT(OP) " " TEXT(ARGS) "\n\t" TEXT(OP2) " " TEXT(ARGS2) : "+c"(n), "+S"(s), "+D"(d), "+a"(a) : : "memory", "cc");
	USE(a);
	USE(n);
	free(from);
	free(to);
	return 0;
}
