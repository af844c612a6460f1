// What a function has saved it can read when it has moved the stack pointer over it: it is in the red zone then. When the function has
// returned, it is gone.
// case: lea -DWAY=1
// case: mov -DWAY=2
// case: add -DWAY=3
// case: leave -DWAY=4
// case: jump -DWAY=5
#include "../corpus.h"

long sum(long a, long b);
long rest(void);
__asm__(".text\n"
	"sum:\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"	sub $200, %rsp\n"
	"	mov %rdi, -32(%rbp)\n"
	"	mov %rsi, -24(%rbp)\n"
#if WAY == 1
	"	lea 8(%rbp), %rsp\n"
	"	mov -32(%rbp), %rax\n"
	"	add -24(%rbp), %rax\n"
	"	mov (%rbp), %rbp\n"
#elif WAY == 2
	"	mov %rbp, %rsp\n"
	"	mov -32(%rbp), %rax\n"
	"	add -24(%rbp), %rax\n"
	"	pop %rbp\n"
#elif WAY == 3
	"	add $200, %rsp\n"
	"	mov -32(%rsp), %rax\n"
	"	add -24(%rsp), %rax\n"
	"	pop %rbp\n"
#elif WAY == 5
	"	mov (%rbp), %rbp\n"
	"	add $208, %rsp\n"
	"	lea 1f(%rip), %rdx\n"
	"	lea -40(%rsp), %rcx\n"
	"	jmp *%rdx\n"
	"1:	mov (%rcx), %rax\n"
	"	add 8(%rcx), %rax\n"
#else
	"	leave\n"
	"	mov -40(%rsp), %rax\n"
	"	add -32(%rsp), %rax\n"
#endif
	"	ret\n"
	"rest:\n"
	"	mov -40(%rsp), %rax\n"
	"	ret\n");

int main(void)
{
	if (sum(3, 4) != 7)
		return 1;
	sum(5, 6);
	if (PICK(rest(), 5) == 5)
		STEP();
	return 0;
}
