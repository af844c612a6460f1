// Code that is interrupted between a comparison and a jump, and gone on with by popf and ret, as Go's preemption does: the flags are
// those of the comparison, although returns hardly ever carry any.
// build: gcc -O1
#include <stdio.h>

// less compares its arguments; saver saves and restores what it uses, and returns to 1, where nobody called it from. The call before
// leaves a return address in the same place of the stack.
__asm__(".text\n"
	"less: call nothing\n"
	"	lea 1f(%rip), %rax\n"
	"	cmp %rsi, %rdi\n"
	"	push %rax\n"
	"	jmp saver\n"
	"1:	setl %al\n"
	"	setb %dl\n"
	"	movzbl %al, %eax\n"
	"	movzbl %dl, %edx\n"
	"	lea (%rax,%rdx,2), %rax\n"
	"	ret\n"
	"saver: push %rbp\n"
	"	pushf\n"
	"	mov %rsp, %rbp\n"
	"	sub $0x20, %rsp\n"
	"	xor %eax, %eax\n"
	"	mov %rax, (%rsp)\n"
	"	add $0x20, %rsp\n"
	"	popf\n"
	"	pop %rbp\n"
	"	ret\n"
	"nothing: ret\n");

int less(long a, long b);

int main(void) {
	static const long values[] = {-5, -1, 0, 1, 7, 1L << 62};
	for (int round = 0; round < 100; round++)
		for (int i = 0; i < 6; i++)
			for (int k = 0; k < 6; k++)
				if (less(values[i], values[k]) != (values[i] < values[k]) + 2 * ((unsigned long)values[i] < (unsigned long)values[k]))
					printf("round %d: %ld and %ld: %d\n", round, values[i], values[k], less(values[i], values[k]));
	puts("done");
	return 0;
}
