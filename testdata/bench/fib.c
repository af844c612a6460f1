// Calls and returns, and little else.
#include <stdio.h>

__attribute__((noinline)) static long fib(long n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

int main(void) {
	printf("%ld\n", fib(41));
	return 0;
}
