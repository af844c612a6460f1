// Non-local jumps over frames, out of deep recursion and with signal masks.
// build: gcc -O0
// build: gcc -O2
// build: musl-gcc -O2 -static
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>

static jmp_buf top;
static sigjmp_buf masked;

static int dive(int depth) {
	volatile char pad[64];
	pad[0] = (char)depth;
	if (depth == 0)
		longjmp(top, 42);
	return dive(depth - 1) + pad[0];
}

int main(void) {
	volatile int rounds = 0;
	int v = setjmp(top);
	if (rounds < 5) {
		rounds++;
		dive(rounds * 100);
	}
	printf("rounds %d, value %d\n", rounds, v);

	sigset_t one, now;
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	volatile int back = 0;
	v = sigsetjmp(masked, 1);
	sigprocmask(SIG_BLOCK, NULL, &now);
	printf("back %d, value %d, blocked %d\n", back, v, sigismember(&now, SIGUSR1));
	if (!back) {
		back = 1;
		sigprocmask(SIG_BLOCK, &one, NULL);
		siglongjmp(masked, 7);
	}
	// longjmp(x, 0) must return 1.
	if ((v = setjmp(top)) == 0)
		longjmp(top, 0);
	printf("zero becomes %d\n", v);
	return 0;
}
