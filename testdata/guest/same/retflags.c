// Functions that return flags: translated code takes flags for dead at returns until it comes to a call that they are read behind.
// build: gcc -O1
#include <stdio.h>

// compare returns in the flags how its arguments compare, from two frames below, with registers restored in between.
__asm__(".text\n"
	"compare: push %rbx\n"
	"	push %rbp\n"
	"	call inner\n"
	"	pop %rbp\n"
	"	pop %rbx\n"
	"	ret\n"
	"inner: push %r12\n"
	"	movq $-1, -8(%rsp)\n" // uses the red zone
	"	cmp %rsi, %rdi\n"
	"	mov (%rsp), %r12\n"
	"	pop %r12\n"
	"	ret\n"
	// calls compare without a look at the flags
	"quiet: call compare\n"
	"	xor %eax, %eax\n"
	"	ret\n"
	// behind a jump, the flags are all that is returned
	"below: call compare\n"
	"	jmp 1f\n"
	"	nop\n"
	"1:	setb %al\n"
	"	movzbl %al, %eax\n"
	"	ret\n"
	"order: call compare\n"
	"	jg 2f\n"
	"	jl 3f\n"
	"	mov $0, %eax\n"
	"	ret\n"
	"2:	mov $1, %eax\n"
	"	ret\n"
	"3:	mov $-1, %eax\n"
	"	ret\n");

int quiet(long a, long b), below(long a, long b), order(long a, long b);

int main(void) {
	static const long values[] = {-5, -1, 0, 1, 7, 1L << 62};
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 6; i++) {
			for (int k = 0; k < 6; k++) {
				long a = values[i], b = values[k];
				printf("%d", quiet(a, b));
				if (round > 0) printf(" %d", below(a, b));
				if (round > 1) printf(" %d", order(a, b));
				printf("%c", k == 5 ? '\n' : ',');
			}
		}
	}
	return 0;
}
