// Code on the stack: the trampolines that GCC makes for pointers to nested functions.
// build: gcc -O0 -z execstack
// build: gcc -O2 -z execstack
#include <stdio.h>
#include <stdlib.h>

static long apply(long (*f)(long), long n) {
	long s = 0;
	for (long i = 0; i < n; i++)
		s += f(i);
	return s;
}

__attribute__((noinline)) static long nested(long k, int depth) {
	long calls = 0;
	long scale(long x) {
		calls++;
		return x * k;
	}
	long s = apply(scale, 50);
	if (depth > 0)
		s += nested(k + 1, depth - 1); // other trampolines, same code elsewhere on the stack
	return s + calls;
}

int main(void) {
	int order[] = {5, 3, 8, 1, 9, 2}, sign = -1;
	int compare(const void *a, const void *b) { return sign * (*(const int *)a - *(const int *)b); }
	long s = 0;
	for (int i = 0; i < 100; i++)
		s += nested(i, i % 10);
	printf("%ld\n", s);
	qsort(order, 6, sizeof order[0], compare);
	for (int i = 0; i < 6; i++)
		printf("%d%c", order[i], i < 5 ? ' ' : '\n');
	return 0;
}
