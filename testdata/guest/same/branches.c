// Every kind of control transfer: jump tables, computed goto, function pointers, tail calls, call/pop, push/ret, ret n,
// a return address changed on the stack, calls through memory.
// build: gcc -O0
// build: gcc -O2
// build: gcc -O2 -fcf-protection=none -mindirect-branch=thunk -mfunction-return=thunk
// build: musl-gcc -O2 -static
#include <stdint.h>
#include <stdio.h>

static int dense(int x) {
	switch (x) {
	case 0: return 7;
	case 1: return 1;
	case 2: return 12;
	case 3: return 5;
	case 4: return 99;
	case 5: return -3;
	case 6: return 41;
	case 7: return 8;
	case 9: return 77;
	default: return x * 2;
	}
}

static int sparse(int x) {
	switch (x) {
	case -1000000: return 1;
	case 5: return 2;
	case 77777: return 3;
	case 123456789: return 4;
	default: return 0;
	}
}

// A byte-code interpreter, as interpreters dispatch: one indirect jump per instruction.
static long interpret(const unsigned char *code) {
	static void *const labels[] = {&&push, &&add, &&mul, &&dup, &&loop, &&halt};
	long stack[32], *sp = stack, count = 1000;
	const unsigned char *pc = code;
	goto *labels[*pc++];
push:
	*sp++ = *pc++;
	goto *labels[*pc++];
add:
	sp--;
	sp[-1] += sp[0];
	goto *labels[*pc++];
mul:
	sp--;
	sp[-1] = (sp[-1] * sp[0]) % 1000003;
	goto *labels[*pc++];
dup:
	sp[0] = sp[-1];
	sp++;
	goto *labels[*pc++];
loop:
	if (--count)
		pc = code + 2;
	goto *labels[*pc++];
halt:
	return sp[-1];
}

typedef long (*unary)(long);
__attribute__((noinline)) static long inc(long x) { return x + 1; }
__attribute__((noinline)) static long twice(long x) { return x * 2; }
__attribute__((noinline)) static long square(long x) { return x * x % 1009; }
unary table[] = {inc, twice, square};

__attribute__((noinline)) static long even(long n);
__attribute__((noinline)) static long odd(long n) { return n == 0 ? 0 : even(n - 1); }
static long even(long n) { return n == 0 ? 1 : odd(n - 1); }

long pushret(long), callpop(void), retn(long, long), retelse(void), memcall(unary *, long), deepret(long);
__asm__(".text\n"
	// A return used as a jump.
	"pushret: lea 1f(%rip), %rax; push %rax; ret; ud2\n1: lea 5(%rdi), %rax; ret\n"
	// A call used to read the program counter.
	"callpop: call 1f\n1: pop %rax; lea 1b(%rip), %rcx; sub %rcx, %rax; ret\n"
	// ret n drops an argument that the caller pushed.
	"retn: push %rsi; push %rdi; call 2f; ret\n2: mov 8(%rsp), %rax; sub 16(%rsp), %rax; ret $16\n"
	// The callee returns to another place than behind the call.
	"retelse: call 3f\n mov $1, %eax; ret\n4: mov $2, %eax; ret\n3: lea 4b(%rip), %rax; mov %rax, (%rsp); ret\n"
	"memcall: mov %rdi, %rax; mov %rsi, %rdi; sub $8, %rsp; call *(%rax); mov %rax, %rdi; lea table(%rip), %rcx\n"
	" mov $1, %edx; call *(%rcx,%rdx,8); add $8, %rsp; ret\n"
	// Returns that skip a frame, as longjmp-like code does.
	"deepret: push %rbx; mov %rsp, %rbx; call 5f\n ud2\n5: call 6f\n ud2\n6: mov %rbx, %rsp; pop %rbx; lea (%rdi,%rdi,2), %rax; ret\n");

int main(void) {
	long s = 0;
	for (int i = -3; i < 12; i++)
		s = s * 3 + dense(i);
	printf("dense %ld\n", s);
	printf("sparse %d%d%d%d%d\n", sparse(-1000000), sparse(5), sparse(77777), sparse(123456789), sparse(6));
	static const unsigned char code[] = {0, 3, 0, 7, 1, 3, 2, 0, 5, 1, 4, 5};
	printf("interpreter %ld\n", interpret(code));
	long x = 1;
	for (int i = 0; i < 100000; i++)
		x = table[(unsigned)(x + i) % 3](x) % 100003;
	printf("pointers %ld\n", x);
	printf("tail %ld %ld\n", even(100000), odd(99999));
	for (int i = 0; i < 3000; i++)
		s += pushret(i) + callpop() + retn(i * 3, i) + retelse() + memcall(&table[i % 3], i) + deepret(i);
	printf("odd returns %ld\n", s);
	return 0;
}
