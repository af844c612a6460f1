// A register holds undefined bytes while functions run that something else stands in for: called directly, by pointer, and from the last
// place of another function.
#include "../corpus.h"

// around calls f, or malloc if it is 0, with rbx loaded from *from, and stores rbx to *to.
void *around(void *(*f)(long), long arg, const long *from, long *to);
__asm__("	.text\n"
	"	.type around, @function\n"
	"around:\n"
	"	.cfi_startproc\n"
	"	push %rbx\n"
	"	.cfi_def_cfa_offset 16\n"
	"	.cfi_offset %rbx, -16\n"
	"	push %r12\n"
	"	.cfi_def_cfa_offset 24\n"
	"	.cfi_offset %r12, -24\n"
	"	sub $8, %rsp\n"
	"	.cfi_def_cfa_offset 32\n"
	"	mov %rcx, %r12\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	mov (%rdx), %rbx\n"
	"	test %rax, %rax\n"
	"	jz 1f\n"
	"	call *%rax\n"
	"	jmp 2f\n"
	"1:	call malloc@PLT\n"
	"2:	mov %rbx, (%r12)\n"
	"	add $8, %rsp\n"
	"	.cfi_def_cfa_offset 24\n"
	"	pop %r12\n"
	"	.cfi_def_cfa_offset 16\n"
	"	pop %rbx\n"
	"	.cfi_def_cfa_offset 8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	"	.size around, . - around\n");

NOINLINE void *last(long n)
{
	return malloc(n + 1);
}

NOINLINE void *length(long s)
{
	return (void *)strlen((char *)s);
}

NOINLINE void *release(long p)
{
	free((void *)p);
	return NULL;
}

int main(void)
{
	void *(*const how[])(long) = {NULL, (void *(*)(long))malloc, last};
	long *fresh = FRESH(long, 1), kept = 0;
	for (int i = 0; i < 9; i++) {
		void *p = around(how[i % 3], 24, fresh, &kept);
		if (kept == 3)
			STEP();
		if (around(length, (long)"seven", fresh, &kept) != (void *)5)
			abort();
		if (kept == 4)
			STEP();
		around(release, (long)p, fresh, &kept);
		if (kept == 5)
			STEP();
	}
	free(fresh);
	return 0;
}
