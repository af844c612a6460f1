// Variable frames: alloca, VLAs, big frames, deep recursion that makes the kernel grow the stack.
// build: gcc -O0
// build: gcc -O2
// build: gcc -O2 -fstack-clash-protection -fstack-protector-all
#include <alloca.h>
#include <stdio.h>
#include <string.h>

__attribute__((noinline)) static unsigned vla(int n) {
	int a[n];
	for (int i = 0; i < n; i++)
		a[i] = i * i;
	unsigned s = 0;
	for (int i = n; i-- > 0;)
		s = s * 31 + (unsigned)a[i];
	return s;
}

__attribute__((noinline)) static unsigned onstack(const char *text, int times) {
	unsigned s = 0;
	for (int i = 0; i < times; i++) {
		char *copy = alloca(strlen(text) + 1);
		strcpy(copy, text);
		s = s * 33 + (unsigned char)copy[i % strlen(text)];
	}
	return s;
}

static unsigned ackermann(unsigned m, unsigned n) {
	if (m == 0)
		return n + 1;
	return n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
}

__attribute__((noinline)) static long deep(int depth) {
	volatile char page[4096];
	page[0] = (char)depth;
	return depth == 0 ? 0 : deep(depth - 1) + page[0];
}

__attribute__((noinline)) static int bigframe(void) {
	volatile char big[1 << 20];
	big[0] = 1;
	big[sizeof big - 1] = 2;
	big[sizeof big / 2] = 3;
	return big[0] + big[sizeof big - 1] * 10 + big[sizeof big / 2] * 100;
}

int main(void) {
	for (int n = 1; n < 5000; n = n * 3 + 1)
		printf("vla %d %u\n", n, vla(n));
	printf("alloca %u\n", onstack("the quick brown fox", 200));
	printf("ackermann %u\n", ackermann(2, 300));
	printf("deep %ld\n", deep(1500)); // 6 MB of the usual 8
	printf("bigframe %d\n", bigframe());
	return 0;
}
